"""Removing empty arrays, objects, strings and stray nulls from a resource before it is checked.

In FHIR's JSON no property is empty, and null only pads the two parallel arrays of a primitive with
extensions: https://hl7.org/fhir/R4/json.html
"""

import re
from typing import Any, NamedTuple

import orjson

from shared.errors import Malformed
from shared.fhir import fhirjson
from shared.fhir.fhirjson import DEEPEST
from shared.fhir.validation.pairs import pad_pairs

Moves = dict[str, list[int]]
# At least one of these is in the JSON of a resource with an empty value or with parallel arrays.
_MARKS = (b"null", b'""', b"[]", b"{}", b'"_')


class Stripped(NamedTuple):
    """A resource without empty values, with the original indices of its array items.

    `original_indices` has those of the items that are left, by the FHIRPath of each array.
    """

    resource: dict[str, Any]
    original_indices: Moves

    def original_path(self, expression: str) -> str:
        """Return the FHIRPath that an element has in the body as it was sent."""
        if not self.original_indices:
            return expression
        stripped = sent = ""
        for part in re.split(r"(?<=\])", expression):
            name, _, subscript = part.partition("[")
            stripped += name
            sent += name
            if subscript:
                index = int(subscript[:-1])
                originals = self.original_indices.get(stripped, [])
                sent += f"[{originals[index] if index < len(originals) else index}]"
                stripped += f"[{subscript}"
        return sent


def strip(resource: dict[str, Any]) -> Stripped:
    """Return a resource without empty values, which is a copy if it has any.

    Raises Malformed if it is nested too deeply.
    """
    if _is_clean(resource):
        return Stripped(resource, {})
    moves: Moves = {}
    name = str(resource.get("resourceType", ""))
    try:
        return Stripped(_object(resource, name, moves, 1), moves)
    except RecursionError:
        raise _too_deep() from None


def _is_clean(resource: dict[str, Any]) -> bool:
    """Return whether a resource certainly has no empty values, which its JSON tells soonest."""
    try:
        json = fhirjson.dumps(resource)
    except orjson.JSONEncodeError:
        return False
    is_deep = json.count(b"{") + json.count(b"[") > DEEPEST
    return not is_deep and not any(mark in json for mark in _MARKS)


def _too_deep() -> Malformed:
    return Malformed(
        "The body is nested too deeply", diagnostics=f"At most {DEEPEST} levels are allowed"
    )


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
    pad_pairs(kept)
    return kept


def _partner(value: dict[str, Any], name: str) -> list[Any]:
    """Return the parallel array of a property: `_given` for `given`, and the reverse."""
    other = value.get(name[1:] if name.startswith("_") else f"_{name}")
    return other if type(other) is list else []


def _array(value: list[Any], partner: list[Any], path: str, moves: Moves, depth: int) -> list[Any]:
    if depth > DEEPEST:
        raise _too_deep()
    kept: list[Any] = []
    indices: list[int] = []
    for index, item in enumerate(value):
        stripped = _item(item, f"{path}[{len(kept)}]", moves, depth)
        has_partner = index < len(partner) and not _is_empty(partner[index])
        if stripped is not None or has_partner:
            kept.append(stripped)
            indices.append(index)
    if len(kept) != len(value):
        moves[path] = max(moves.get(path, []), indices, key=len)
    return kept


def _item(item: Any, path: str, moves: Moves, depth: int) -> Any:
    if type(item) is dict:
        return _object(item, path, moves, depth + 1) or None
    if type(item) is list:
        return _array(item, [], path, moves, depth + 1) or None
    return None if item == "" else item


def _is_empty(value: Any) -> bool:
    """Return whether a value is empty, or contains nothing but empty values."""
    if type(value) is dict:
        return all(map(_is_empty, value.values()))
    if type(value) is list:
        return all(map(_is_empty, value))
    return value is None or value == ""
