"""Search values of elements with several types, conditions or an unusual form."""

from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest

from shared.catalog.parameters import ParamType, SearchParam
from shared.fhir import instants
from shared.fhir.search_values import Path, Quantity, Token, Value, parse_paths, values

EVERY_DAY = {
    "event": ["2026-03-05", None, "2026-03-01T10:00:00Z"],
    "repeat": {"boundsPeriod": {"start": "2026-03-02", "end": "2026-03-09"}, "frequency": 1},
}


def values_of(expression: str, kind: ParamType, element: str = "", **resource: Any) -> list[Value]:
    return values(resource, SearchParam("", "x", kind, expression, element=element), UTC)


def days(first: str, last: str) -> instants.Range:
    return instants.period_range({"start": first, "end": last}, UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "(Observation.value as CodeableConcept).text",
        "(Observation.value.ofType(CodeableConcept)).text",
        "Observation.value.as(CodeableConcept).text",
    ],
)
def test_an_expression_may_name_a_type_in_each_of_r4s_ways(expression: str) -> None:
    assert parse_paths(expression) == (Path(("valueCodeableConcept", "text")),)


@pytest.mark.parametrize("expression", ["Patient.name.first()", "Patient", "Patient.as(x)", "name"])
def test_an_unsupported_expression_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        parse_paths(expression)


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        ({"effectiveDateTime": "2026-03-01"}, [days("2026-03-01", "2026-03-01")]),
        (
            {"effectiveInstant": "2026-03-01T00:00:00Z"},
            [instants.parse_instant("2026-03-01T00:00:00Z")],
        ),
        ({"effectivePeriod": {"start": "2026", "end": "2027"}}, [days("2026", "2027")]),
        # Only the outer limits of a Timing count.
        ({"effectiveTiming": EVERY_DAY}, [days("2026-03-01T10:00:00Z", "2026-03-09")]),
        ({"effectiveTiming": {"event": ["2026-03-05"]}}, [days("2026-03-05", "2026-03-05")]),
        ({"effectiveTiming": {"repeat": {"boundsDuration": {"value": 3}}}}, []),
        ({"effectivePeriod": {}}, []),
    ],
)
def test_a_choice_element_without_a_type_yields_the_value_present(
    resource: dict[str, Any], found: list[Value]
) -> None:
    assert values_of("Observation.effective", "date", **resource) == found


def test_only_contact_points_of_the_right_system_count() -> None:
    telecom = [
        {"system": "email", "value": "Homer@Example.org"},
        {"system": "phone", "value": "+1 555 0100", "use": "home"},
        {"system": "phone"},
        None,
    ]
    email = values_of(
        "Patient.telecom.where(system='email')", "token", "ContactPoint", telecom=telecom
    )
    assert email == [Token("", "homer@example.org")]
    both = values_of("Patient.telecom", "token", "ContactPoint", telecom=telecom)
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
def test_a_date_of_death_counts_as_deceased(resource: dict[str, Any], dead: str) -> None:
    expression = "Patient.deceased.exists() and Patient.deceased != false"
    assert values_of(expression, "token", **resource) == [Token("", dead)]


def test_money_is_read_as_a_quantity_in_its_currency() -> None:
    price = {"value": Decimal("12.50"), "currency": "EUR"}
    found = values_of("ChargeItem.priceOverride", "quantity", priceOverride=price)
    assert found == [Quantity(Decimal("12.50"), "urn:iso:std:iso:4217", "EUR", "EUR")]


def test_only_the_strings_of_a_name_or_address_are_read_and_not_its_codes() -> None:
    name = {"use": "official", "given": ["Homer", None, "Jay"], "family": "Simpson"}
    address = {"use": "home", "type": "both", "line": ["742 Evergreen Terrace"], "city": "X"}
    assert values_of("Patient.name", "string", name=[name]) == ["Simpson", "Homer", "Jay"]
    assert values_of("Patient.address", "string", address=[address]) == [
        "742 Evergreen Terrace",
        "X",
    ]
