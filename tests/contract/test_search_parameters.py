"""The catalogue says of every search parameter what R4's own definition says."""

import json
from typing import Any

import pytest

from shared.catalog.parameters import OWN, SEARCH_PARAMS, SearchParam
from shared.catalog.types import CARE
from shared.index.values import path
from shared.packaging.build import ROOT
from shared.resources.schema import type_named

FIXTURE = ROOT / "tests/fixtures/r4-search-parameters/search-parameters.json"
DEFINED: list[dict[str, Any]] = json.loads(FIXTURE.read_text())
ROWS = [row for resource_type in CARE for row in SEARCH_PARAMS.of(resource_type).values()]
# What data types searches read a parameter of each type from.
ELEMENTS = {
    "reference": {"Reference", "canonical"},
    "date": {"Period", "dateTime", "instant"},
    "quantity": {"Duration"},
    "uri": {"uri", "canonical"},
    "token": {"id", "code", "Coding", "CodeableConcept", "Identifier"},
}


def defined(resource_type: str) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in DEFINED if {resource_type, "Resource"} & {*one["base"]}}


def expression(definition: dict[str, Any], resource_type: str) -> str:
    """Cut an expression to the part for one type."""
    parts: list[str] = [part.strip() for part in definition["expression"].split("|")]
    (own,) = (part for part in parts if part.partition(".")[0] in (resource_type, "Resource"))
    return resource_type + "." + own.partition(".")[2]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.resource}-{row.code}")
def test_a_row_is_as_r4_defines_it(row: SearchParam) -> None:
    if row.definition.startswith(OWN):
        assert row.description
        return
    definition = defined(row.resource)[row.code]
    assert row.definition == definition["url"]
    assert row.type == definition["type"]
    assert row.expression == expression(definition, row.resource)
    every = definition.get("target") == ["Resource"]
    assert {*row.targets} == ({*()} if every else {*definition.get("target", ())})


@pytest.mark.parametrize("resource_type", CARE)
def test_no_parameter_of_r4_is_left_out(resource_type: str) -> None:
    assert not defined(resource_type).keys() - SEARCH_PARAMS.of(resource_type).keys()


@pytest.mark.parametrize("row", [row for row in ROWS if row.expression], ids=str)
def test_an_expression_leads_to_an_element_of_a_type_that_is_read(row: SearchParam) -> None:
    name = row.resource
    for step in path(row.expression).names:
        name = type_named(name).elements[step].type
    assert name in ELEMENTS[row.type]
    assert row.element == (name if row.type == "token" else "")


def test_a_code_has_the_system_that_r4_binds_it_to() -> None:
    bound = {row.code: row.system for row in ROWS if row.element == "code"}
    assert bound == {
        "status": "http://hl7.org/fhir/event-status",
        "priority": "http://hl7.org/fhir/request-priority",
    }
    assert SEARCH_PARAMS.of("Encounter")["status"].system == "http://hl7.org/fhir/encounter-status"
