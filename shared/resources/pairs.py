"""Arrays of primitive values, and beside them those of their extensions: `given` and `_given`.

Both have an item for each value, null where there is nothing.
https://hl7.org/fhir/R4/json.html#primitive
"""

from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.resources.values import equal, key

type Json = dict[str, Any]
type _Array = list[Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arrays as they were, and the object that has them."""

    owner: Json
    name: str
    values: _Array
    extensions: _Array

    def settle(self) -> None:
        """Let the extensions follow, if only one of the arrays has been changed meanwhile.

        Who changes both has said which extension belongs to which value.
        """
        values, extensions = self.owner.get(self.name), self.owner.get(f"_{self.name}")
        if not isinstance(values, list) or not isinstance(extensions, list):
            return
        if equal(extensions, self.extensions):
            self.owner[f"_{self.name}"] = followed(self.values, values, extensions)
        elif equal(values, self.values):
            self.owner[f"_{self.name}"] = _in_place(self.extensions, extensions)


def pairs(value: Any) -> Iterator[Pair]:
    """List the pairs of arrays in an object, whatever they are nested in."""
    if isinstance(value, dict):
        for name, content in value.items():
            extensions = value.get(f"_{name}")
            if isinstance(content, list) and isinstance(extensions, list):
                yield Pair(value, name, [*content], [*extensions])
            yield from pairs(content)
    elif isinstance(value, list):
        for item in value:
            yield from pairs(item)


def followed(before: _Array, after: _Array, extensions: _Array) -> _Array:
    """Return the extensions of values that have become others: each goes where its value is.

    A value that is new has none, unless it has merely taken the place of another.
    """
    places = positions(map(key, before))
    found = [
        matching.popleft() if (matching := places.get(key(value))) else None for value in after
    ]
    if len(after) == len(before):
        taken = {place for place in found if place is not None}
        found = [
            index if place is None and index not in taken else place
            for index, place in enumerate(found)
        ]
    return [None if place is None else _at(extensions, place) for place in found]


def positions[Key: Hashable](keys: Iterable[Key]) -> dict[Key, deque[int]]:
    """Return where each key stands, in order."""
    places: dict[Key, deque[int]] = {}
    for place, each in enumerate(keys):
        places.setdefault(each, deque()).append(place)
    return places


def _in_place(before: _Array, after: _Array) -> _Array:
    """Return extensions of which some were removed, with null where these were."""
    left = deque(after)
    filled = [left.popleft() if left and equal(left[0], item) else None for item in before]
    return after if left else filled


def _at(array: _Array, place: int) -> Any:
    return array[place] if place < len(array) else None


def fill(value: Json) -> None:
    """Fill the shorter array of each pair in an object with null; drop one that has only null."""
    for name in [name for name in value if name[:1] == "_"]:
        extensions, values = value[name], value.get(name[1:])
        if type(extensions) is not list:
            continue
        if all(item is None for item in extensions):
            del value[name]
        elif type(values) is list:
            longest = max(len(values), len(extensions))
            for array in (values, extensions):
                array.extend([None] * (longest - len(array)))
