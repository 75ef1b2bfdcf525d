"""What searches read of elements that have several types, conditions, or an odd form."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest

from shared.catalog.parameters import ParamType, SearchParam
from shared.fhir import instants
from shared.fhir.search_values import Path, Quantity, Token, Value, paths, values

EVERY_DAY = {
    "event": ["2026-03-05", None, "2026-03-01T10:00:00Z"],
    "repeat": {"boundsPeriod": {"start": "2026-03-02", "end": "2026-03-09"}, "frequency": 1},
}


def said(expression: str, kind: ParamType, element: str = "", **resource: Any) -> list[Value]:
    return values(resource, SearchParam("", "x", kind, expression, element=element), UTC)


def days(first: str, last: str) -> instants.Range:
    return instants.period({"start": first, "end": last}, UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "(Observation.value as CodeableConcept).text",
        "(Observation.value.ofType(CodeableConcept)).text",
        "Observation.value.as(CodeableConcept).text",
    ],
)
def test_a_type_is_named_in_each_of_the_ways_that_r4_has(expression: str) -> None:
    assert paths(expression) == (Path(("valueCodeableConcept", "text")),)


@pytest.mark.parametrize("expression", ["Patient.name.first()", "Patient", "Patient.as(x)", "name"])
def test_an_expression_that_cannot_be_followed_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        paths(expression)


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ({"effectiveDateTime": "2026-03-01"}, [days("2026-03-01", "2026-03-01")]),
        ({"effectiveInstant": "2026-03-01T00:00:00Z"}, [instants.point("2026-03-01T00:00:00Z")]),
        ({"effectivePeriod": {"start": "2026", "end": "2027"}}, [days("2026", "2027")]),
        # Of a Timing only the outer limits are looked at.
        ({"effectiveTiming": EVERY_DAY}, [days("2026-03-01T10:00:00Z", "2026-03-09")]),
        ({"effectiveTiming": {"event": ["2026-03-05"]}}, [days("2026-03-05", "2026-03-05")]),
        ({"effectiveTiming": {"repeat": {"boundsDuration": {"value": 3}}}}, []),
        ({"effectivePeriod": {}}, []),
    ],
)
def test_a_choice_without_a_type_has_the_value_that_is_there(
    resource: dict[str, Any], found: list[Value]
) -> None:
    assert said("Observation.effective", "date", **resource) == found


def test_only_the_contacts_of_the_system_that_is_meant_count() -> None:
    telecom = [
        {"system": "email", "value": "Homer@Example.org"},
        {"system": "phone", "value": "+1 555 0100", "use": "home"},
        {"system": "phone"},
        None,
    ]
    email = said("Patient.telecom.where(system='email')", "token", "ContactPoint", telecom=telecom)
    assert email == [Token("", "homer@example.org")]
    both = said("Patient.telecom", "token", "ContactPoint", telecom=telecom)
    assert both == [*email, Token("", "+1 555 0100")]


@pytest.mark.parametrize(
    ("resource", "dead"),
    [
        ({}, "false"),
        ({"deceasedBoolean": False}, "false"),
        ({"deceasedBoolean": True}, "true"),
        ({"deceasedDateTime": "2026"}, "true"),
    ],
)
def test_who_has_died_is_known_by_a_date_too(resource: dict[str, Any], dead: str) -> None:
    expression = "Patient.deceased.exists() and Patient.deceased != false"
    assert said(expression, "token", **resource) == [Token("", dead)]


def test_money_is_a_quantity_of_its_currency() -> None:
    price = {"value": Decimal("12.50"), "currency": "EUR"}
    found = said("ChargeItem.priceOverride", "quantity", priceOverride=price)
    assert found == [Quantity(Decimal("12.50"), "urn:iso:std:iso:4217", "EUR", "EUR")]


def test_of_a_name_or_address_its_strings_are_read_and_not_its_codes() -> None:
    name = {"use": "official", "given": ["Homer", None, "Jay"], "family": "Simpson"}
    address = {"use": "home", "type": "both", "line": ["742 Evergreen Terrace"], "city": "X"}
    assert said("Patient.name", "string", name=[name]) == ["Simpson", "Homer", "Jay"]
    assert said("Patient.address", "string", address=[address]) == ["742 Evergreen Terrace", "X"]
