"""Empty arrays, objects and strings, and stray nulls, are taken out before anything looks at them.

https://hl7.org/fhir/R4/json.html: no property is empty, null only pads the two arrays of a
primitive with extensions.
"""

import re
from typing import Any, NamedTuple

from shared.errors import Malformed
from shared.fhirjson import DEEPEST
from shared.resources.pairs import fill

Moves = dict[str, list[int]]


class Stripped(NamedTuple):
    """A resource without empties, and where what is left of its arrays stood in the body."""

    resource: dict[str, Any]
    moves: Moves

    def as_sent(self, expression: str) -> str:
        """Turn the FHIRPath of an element into that of the body as sent."""
        if not self.moves:
            return expression
        here = sent = ""
        for part in re.split(r"(?<=\])", expression):
            name, _, index = part.partition("[")
            here += name
            sent += name
            if index:
                place = int(index[:-1])
                moved = self.moves.get(here, [])
                sent += f"[{moved[place] if place < len(moved) else place}]"
                here += f"[{index}"
        return sent


def strip(resource: dict[str, Any]) -> Stripped:
    """Return a copy without empties. Raise Malformed if it is nested too deeply."""
    moves: Moves = {}
    name = str(resource.get("resourceType", ""))
    try:
        return Stripped(_object(resource, name, moves, 1), moves)
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> Malformed:
    return Malformed("The body is nested too deeply", diagnostics=f"At most {DEEPEST} levels")


def _object(value: dict[str, Any], path: str, moves: Moves, depth: int) -> dict[str, Any]:
    if depth > DEEPEST:
        raise _too_deep()
    kept: dict[str, Any] = {}
    for name, content in value.items():
        if type(content) is str or type(content) is bool:
            if content != "":
                kept[name] = content
            continue
        element = f"{path}.{name.removeprefix('_')}"
        if type(content) is dict:
            stripped: Any = _object(content, element, moves, depth + 1)
        elif type(content) is list:
            stripped = _array(content, _partner(value, name), element, moves, depth + 1)
        else:
            stripped = content
        if stripped is not None and stripped not in ({}, []):
            kept[name] = stripped
    fill(kept)
    return kept


def _partner(value: dict[str, Any], name: str) -> list[Any]:
    """Give the array that runs parallel: `_given` of `given`, and the reverse."""
    other = value.get(name[1:] if name.startswith("_") else f"_{name}")
    return other if type(other) is list else []


def _array(value: list[Any], partner: list[Any], path: str, moves: Moves, depth: int) -> list[Any]:
    if depth > DEEPEST:
        raise _too_deep()
    kept: list[Any] = []
    places: list[int] = []
    for index, item in enumerate(value):
        stripped = _item(item, f"{path}[{len(kept)}]", moves, depth)
        has_partner = index < len(partner) and not _is_empty(partner[index])
        if stripped is not None or has_partner:
            kept.append(stripped)
            places.append(index)
    if len(kept) != len(value):
        moves[path] = max(moves.get(path, []), places, key=len)
    return kept


def _item(item: Any, path: str, moves: Moves, depth: int) -> Any:
    if type(item) is dict:
        return _object(item, path, moves, depth + 1) or None
    if type(item) is list:
        return _array(item, [], path, moves, depth + 1) or None
    return None if item == "" else item


def _is_empty(value: Any) -> bool:
    """Tell whether nothing is left of a value without its empties."""
    if type(value) is dict:
        return all(_is_empty(each) for each in value.values())
    if type(value) is list:
        return all(map(_is_empty, value))
    return value is None or value == ""
