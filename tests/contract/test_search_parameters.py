"""The catalogue's search parameters agree with R4's own definitions."""

import json
from typing import Any

import pytest

from shared.catalog.parameters import CHOICES, OWN_DEFINITION_PATH, SEARCH_PARAMS, SearchParam
from shared.catalog.types import STORED_TYPES
from shared.fhir.search_values import parse_paths
from shared.fhir.validation.schema import type_named
from shared.packaging.build import ROOT

FIXTURE = ROOT / "tests/fixtures/r4-search-parameters/search-parameters.json"
SYSTEMS: dict[str, list[str]] = json.loads(FIXTURE.with_name("code-systems.json").read_text())
DEFINED: list[dict[str, Any]] = json.loads(FIXTURE.read_text())
ROWS = [row for resource_type in STORED_TYPES for row in SEARCH_PARAMS.of(resource_type).values()]
# The data types that each type of parameter reads.
ELEMENTS = {
    "reference": {"Reference", "canonical"},
    "date": {"Period", "date", "dateTime", "instant", "Timing"},
    "quantity": {"Age", "Duration", "Money", "Quantity", "Range", "SampledData"},
    "string": {"Address", "HumanName", "string"},
    "uri": {"uri", "url", "canonical"},
    "token": {
        *("boolean", "code", "CodeableConcept", "Coding", "ContactPoint"),
        *("dateTime", "id", "Identifier", "string"),
    },
}
# R4 parameters that are not supported: composite ones, numbers, distances and phonetic ones.
OTHER_TYPES, OTHER_CODES = {"composite", "number", "special"}, {"phonetic"}


def defined(resource_type: str) -> dict[str, dict[str, Any]]:
    return {
        definition["code"]: definition
        for definition in DEFINED
        if {resource_type, "Resource"} & {*definition["base"]}
    }


def expression(definition: dict[str, Any], resource_type: str) -> str:
    """Return the part of an expression that concerns one type."""
    whole: str = definition["expression"]
    if "Resource" in definition["base"]:
        return whole.replace("Resource.", f"{resource_type}.")
    parts = [part.strip() for part in whole.split("|")]
    return " | ".join(part for part in parts if part.lstrip("(").startswith(f"{resource_type}."))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.resource}-{row.code}")
def test_a_search_parameter_agrees_with_its_r4_definition(row: SearchParam) -> None:
    if row.definition.startswith(OWN_DEFINITION_PATH):
        assert row.description
        return
    definition = defined(row.resource)[row.code]
    assert row.definition == definition["url"]
    assert row.type == definition["type"]
    assert row.expression == expression(definition, row.resource)
    every = definition.get("target") == ["Resource"]
    assert {*row.targets} == ({*()} if every else {*definition.get("target", ())})


@pytest.mark.parametrize("resource_type", STORED_TYPES)
def test_every_r4_parameter_is_in_the_catalogue_or_listed_as_unsupported(
    resource_type: str,
) -> None:
    searched = {
        code
        for code, definition in defined(resource_type).items()
        if definition["type"] not in OTHER_TYPES and code not in OTHER_CODES
    }
    assert not searched - SEARCH_PARAMS.of(resource_type).keys()


def types_read(row: SearchParam) -> list[str]:
    """Return the data types that a parameter reads."""
    types = []
    for part in parse_paths(row.expression):
        name = row.resource
        for step in part.names:
            name = type_named(name).elements[step].type
        types.append(name)
    return types


@pytest.mark.parametrize("row", [row for row in ROWS if row.expression], ids=str)
def test_an_expression_leads_to_an_element_of_a_readable_type(row: SearchParam) -> None:
    assert {*types_read(row)} <= ELEMENTS[row.type]
    is_said = row.type == "token" or types_read(row) == ["instant"]
    assert row.element == (types_read(row)[0] if is_said else "")


@pytest.mark.parametrize("text", CHOICES)
def test_a_parameter_on_a_choice_reads_every_comparable_type(text: str) -> None:
    (row,) = (row for row in ROWS if text in row.expression.split(" "))
    elements = type_named(row.resource).elements.items()
    _, _, stem = text.partition(".")
    named = {name: element.type for name, element in elements if element.choice == stem}
    comparable = {kind for kind in named.values() if kind in ELEMENTS[row.type]}
    assert {*CHOICES[text]} == comparable


def test_a_code_has_the_system_that_r4_binds_it_to() -> None:
    assert {row.name for row in ROWS if row.element == "code"} == SYSTEMS.keys()
    for row in ROWS:
        if row.element == "code":
            assert row.system in SYSTEMS[row.name]
