"""R4's types: their elements, value sets and invariants, read from tables in definitions/.

tests/tools/definitions/generate.py makes the tables from R4's StructureDefinitions. The JSON
properties of an element, choices included, are those of https://hl7.org/fhir/R4/json.html.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shared.catalog.types import STORED_TYPES
from shared.fhir.validation.primitives import OPEN_CONCEPTS, OPEN_VALUE_SETS, PRIMITIVES, Primitive

_FOLDER = Path(__file__).with_name("definitions")
_OPEN_CHOICE = "any"
_PROFILED = {"SimpleQuantity": "Quantity"}
# Elements whose type is a plain string or XHTML: they have neither an id nor extensions, so `_id`,
# `_url` and `_div` do not exist.
_BARE = frozenset({"Element.id", "Resource.id", "Extension.url", "Narrative.div"})


class Element(NamedTuple):
    """One JSON property of a type."""

    is_array: bool
    type: str
    primitive: Primitive | None
    value_set: str
    choice: str
    targets: frozenset[str]
    # Whether its values may have ids and extensions, in a property with an underscore: `_status`.
    extensible: bool = False


class Required(NamedTuple):
    """An element that must exist, as one of some JSON properties."""

    name: str
    properties: frozenset[str]


class Type(NamedTuple):
    """A resource type, a data type, or an element that has elements of its own."""

    name: str
    elements: dict[str, Element]
    required: tuple[Required, ...]
    invariants: tuple[str, ...]


@cache
def _file(name: str) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads((_FOLDER / f"{name}.json").read_bytes())
    return data


def _row(name: str) -> dict[str, str]:
    """Return the row of a type.

    The second file is only read for types that Encounter and Communication do not use.
    """
    row: dict[str, str] = _file("core")["types"].get(name) or _file("contained")["types"][name]
    return row


@cache
def resource_types() -> frozenset[str]:
    """Return the names of R4's resource types."""
    return frozenset(_file("core")["resources"])


def invariant_text(key: str) -> str:
    """Return the text of an invariant in the specification."""
    text: str = _file("core")["invariants"].get(key) or _file("contained")["invariants"][key][0]
    return text


def invariant_path(key: str) -> str:
    """Return the FHIRPath of an invariant that `invariants` does not implement."""
    path: str = _file("contained")["invariants"][key][1]
    return path


def value_set_codes(value_set: str) -> list[str]:
    """Return the codes of a value set in the specification's order, or none if it is open."""
    if value_set in OPEN_VALUE_SETS or value_set in OPEN_CONCEPTS:
        return []
    for name in ("core", "contained"):
        codes: list[str] | None = _file(name)["codes"].get(value_set)
        if codes is not None:
            return codes
    return [code for codes in concepts(value_set).values() for code in codes]


def concepts(value_set: str) -> dict[str, list[str]]:
    """Return the codes of a value set of CodeableConcepts, by code system."""
    systems: dict[str, list[str]] = _file("contained")["concepts"][value_set]
    return systems


@cache
def code_predicate(value_set: str) -> Callable[[str], object]:
    """Return a function that tells whether a code is in a value set."""
    pattern = OPEN_VALUE_SETS.get(value_set)
    return pattern.fullmatch if pattern else frozenset(value_set_codes(value_set)).__contains__


def has_coding(value_set: str, coding: Any) -> bool:
    """Return whether a Coding is in a value set, by its system and code."""
    system = coding.get("system") if type(coding) is dict else None
    if not isinstance(system, str):
        return False
    if value_set in OPEN_CONCEPTS:
        return system == OPEN_CONCEPTS[value_set] and isinstance(coding.get("code"), str)
    return coding.get("code") in concepts(value_set).get(system, ())


@cache
def type_named(name: str) -> Type:
    """Return a type with everything it inherits. Raises KeyError if R4 has no such type."""
    row = _row(name)
    base = type_named(row[""]) if row.get("") else Type("", {}, (), ())
    elements: dict[str, Element] = dict(base.elements)
    required = list(base.required)
    for element, text in row.items():
        if element not in ("", "!"):
            properties = _properties(f"{name}.{element}", text)
            elements |= properties
            if text[0] in "1+":
                required.append(_required(element.removesuffix("[x]"), properties))
    invariants = (*base.invariants, *row.get("!", "").split())
    return Type(name, elements, tuple(required), invariants)


def _required(name: str, properties: dict[str, Element]) -> Required:
    primitive = {f"_{key}" for key, element in properties.items() if element.extensible}
    return Required(name, frozenset(properties) | primitive)


def _properties(path: str, text: str) -> dict[str, Element]:
    """Return the JSON properties of an element: one, or one for each type of a choice."""
    cardinality, types, value_set = (text + " ").split(" ", 2)
    name = path.rpartition(".")[2]
    stem = name.removesuffix("[x]")
    names = _file("core")["any"] if types == _OPEN_CHOICE else re.split(r"\|(?![^(]*\))", types)
    choice = stem if name != stem else ""
    return {
        stem + _capital(type_name) if choice else stem: _element(
            path if type_name == "." else type_name,
            many=cardinality in "*+",
            value_set=value_set.strip(),
            choice=choice,
            bare=path in _BARE,
            checked=_has_checked_references(path),
        )
        for type_name in names
    }


def _has_checked_references(path: str) -> bool:
    """Return whether references in an element must name a type that R4 allows there.

    They are checked in the types that are stored here, not in others that a resource contains.
    """
    return (
        path.rpartition(".")[0] in _file("core")["types"] or path.partition(".")[0] in STORED_TYPES
    )


def _element(
    text: str, *, many: bool, value_set: str, choice: str, bare: bool, checked: bool
) -> Element:
    name, _, targets = text.rstrip(")").partition("(")
    return Element(
        many,
        "Resource" if name in resource_types() else name,
        PRIMITIVES.get(name),
        value_set,
        choice,
        frozenset(targets.split(",")) if targets and checked else frozenset(),
        name in PRIMITIVES and not bare,
    )


def _capital(text: str) -> str:
    name = text.partition("(")[0]
    name = _PROFILED.get(name, name)
    return name[0].upper() + name[1:]
