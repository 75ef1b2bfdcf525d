"""Parallel arrays of primitive values and of their extensions, such as `given` and `_given`.

Both have an item for each value, with null in place of a missing one.
https://hl7.org/fhir/R4/json.html#primitive
"""

from collections import deque
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from shared.fhir.json_values import equal, hashable_key

type Json = dict[str, Any]
type _Array = list[Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """Copies of two parallel arrays before a change, and the object that has the arrays."""

    owner: Json
    name: str
    values: _Array
    extensions: _Array

    def realign(self) -> None:
        """Realign the extensions with their values, if only one of the arrays has been changed.

        A client that changed both arrays has aligned them itself.
        """
        values, extensions = self.owner.get(self.name), self.owner.get(f"_{self.name}")
        if not isinstance(values, list) or not isinstance(extensions, list):
            return
        if equal(extensions, self.extensions):
            self.owner[f"_{self.name}"] = realign_extensions(self.values, values, extensions)
        elif equal(values, self.values):
            self.owner[f"_{self.name}"] = _padded(self.extensions, extensions)


def pairs(value: Any) -> Iterator[Pair]:
    """Yield the parallel arrays in an object, at any depth."""
    if isinstance(value, dict):
        for name, content in value.items():
            extensions = value.get(f"_{name}")
            if isinstance(content, list) and isinstance(extensions, list):
                yield Pair(value, name, [*content], [*extensions])
            yield from pairs(content)
    elif isinstance(value, list):
        for item in value:
            yield from pairs(item)


def realign_extensions(before: _Array, after: _Array, extensions: _Array) -> _Array:
    """Return the extensions of changed values, each at the new index of its value.

    A new value has no extensions, unless it has replaced the value at its index.
    """
    indices = positions(map(hashable_key, before))
    sources = [
        matching.popleft() if (matching := indices.get(hashable_key(value))) else None
        for value in after
    ]
    if len(after) == len(before):
        taken = {source for source in sources if source is not None}
        sources = [
            index if source is None and index not in taken else source
            for index, source in enumerate(sources)
        ]
    return [
        extensions[source] if source is not None and source < len(extensions) else None
        for source in sources
    ]


def positions[Key: Hashable](keys: Iterable[Key]) -> dict[Key, deque[int]]:
    """Return the indices of each key, in ascending order."""
    indices: dict[Key, deque[int]] = {}
    for index, item in enumerate(keys):
        indices.setdefault(item, deque()).append(index)
    return indices


def _padded(before: _Array, after: _Array) -> _Array:
    """Return extensions of which some were removed, with null in place of the removed ones."""
    remaining = deque(after)
    filled = [
        remaining.popleft() if remaining and equal(remaining[0], item) else None for item in before
    ]
    return after if remaining else filled


def pad_pairs(value: Json) -> None:
    """Pad the shorter of two parallel arrays with null, and remove extensions that are all null."""
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
