"""R4's types as tables, which tests/definitions/generate.py makes of its StructureDefinitions.

https://hl7.org/fhir/R4/json.html says which property an element is, choices included.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from shared.resources.primitives import OPEN_CONCEPTS, OPEN_VALUE_SETS, PRIMITIVES, Primitive

_FOLDER = Path(__file__).with_name("definitions")
_OPEN_CHOICE = "any"
_PROFILED = {"SimpleQuantity": "Quantity"}
# Strings of FHIRPath's and XHTML, which have neither an id nor extensions: no `_id` and so on.
_BARE = frozenset({"Element.id", "Resource.id", "Extension.url", "Narrative.div"})


class Element(NamedTuple):
    """One JSON property of a type."""

    many: bool
    type: str
    primitive: Primitive | None
    value_set: str
    choice: str
    targets: frozenset[str]
    # Whether its values may have extensions of their own, under its name with an underscore.
    extensible: bool = False


class Required(NamedTuple):
    """An element that must be there, under one of these JSON properties."""

    name: str
    properties: frozenset[str]


class Type(NamedTuple):
    """A resource type, a data type, or an element that has elements."""

    name: str
    elements: dict[str, Element]
    required: tuple[Required, ...]
    invariants: tuple[str, ...]


@cache
def _file(name: str) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads((_FOLDER / f"{name}.json").read_bytes())
    return data


def _row(name: str) -> dict[str, str]:
    """Give the row of a type; of others than Encounter and Communication when met."""
    row: dict[str, str] = _file("core")["types"].get(name) or _file("contained")["types"][name]
    return row


@cache
def resource_types() -> frozenset[str]:
    """Give the names of R4's resource types."""
    return frozenset(_file("core")["resources"])


def invariant_text(key: str) -> str:
    """Give the specification's own words for an invariant."""
    text: str = _file("core")["invariants"].get(key) or _file("contained")["invariants"][key][0]
    return text


def invariant_path(key: str) -> str:
    """Give the FHIRPath of an invariant that `invariants` does not have."""
    path: str = _file("contained")["invariants"][key][1]
    return path


def listed(value_set: str) -> list[str]:
    """Return the codes of a value set in the specification's order; none where it is open."""
    if value_set in OPEN_VALUE_SETS or value_set in OPEN_CONCEPTS:
        return []
    for name in ("core", "contained"):
        codes: list[str] | None = _file(name)["codes"].get(value_set)
        if codes is not None:
            return codes
    return [code for codes in concepts(value_set).values() for code in codes]


def concepts(value_set: str) -> dict[str, list[str]]:
    """Return the codes of a value set of CodeableConcepts, by their systems."""
    systems: dict[str, list[str]] = _file("contained")["concepts"][value_set]
    return systems


@cache
def binding(value_set: str) -> Callable[[str], object]:
    """Give the test whether a code is in a value set."""
    pattern = OPEN_VALUE_SETS.get(value_set)
    return pattern.fullmatch if pattern else frozenset(listed(value_set)).__contains__


def has_coding(value_set: str, coding: Any) -> bool:
    """Return whether a Coding is of a value set: its code, in its system."""
    system = coding.get("system") if type(coding) is dict else None
    if not isinstance(system, str):
        return False
    if value_set in OPEN_CONCEPTS:
        return system == OPEN_CONCEPTS[value_set] and isinstance(coding.get("code"), str)
    return coding.get("code") in concepts(value_set).get(system, ())


@cache
def type_named(name: str) -> Type:
    """Give the table of a type, with what it inherits. Raises KeyError where R4 has none."""
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
    """Give the JSON properties of one element: one, or one for each type of a choice."""
    cardinality, types, value_set = (text + " ").split(" ", 2)
    name = path.rpartition(".")[2]
    stem = name.removesuffix("[x]")
    names = _file("core")["any"] if types == _OPEN_CHOICE else re.split(r"\|(?![^(]*\))", types)
    choice = stem if name != stem else ""
    return {
        stem + _capital(each) if choice else stem: _element(
            path if each == "." else each,
            many=cardinality in "*+",
            value_set=value_set.strip(),
            choice=choice,
            bare=path in _BARE,
        )
        for each in names
    }


def _element(text: str, *, many: bool, value_set: str, choice: str, bare: bool) -> Element:
    name, _, targets = text.rstrip(")").partition("(")
    return Element(
        many,
        "Resource" if name in resource_types() else name,
        PRIMITIVES.get(name),
        value_set,
        choice,
        frozenset(targets.split(",")) if targets else frozenset(),
        name in PRIMITIVES and not bare,
    )


def _capital(text: str) -> str:
    name = text.partition("(")[0]
    name = _PROFILED.get(name, name)
    return name[0].upper() + name[1:]
