"""Every resource type has all rows that it needs: a missing one is named here, not at a request."""

import pytest

from shared.catalog.compartments import MEMBERS, OUTSIDE_COMPARTMENTS, SEEN_BY_ALL
from shared.catalog.examples import EXAMPLES
from shared.catalog.parameters import SEARCH_PARAMS, Index
from shared.catalog.sort_orders import SORT_ORDERS, DateSpan
from shared.catalog.types import (
    AUDIT_EVENT,
    RESOURCE_TYPES,
    STORED_TYPES,
    WITHDRAWAL_MARKS,
    complete_table,
)
from shared.fhir import fhirjson
from shared.fhir.search_values import parse_paths
from shared.fhir.validation.schema import type_named, value_set_codes
from shared.fhir.validation.validation import issues
from shared.store.index.row_kinds import KINDS

# The data types of a sort order's parameter.
SPANS = {
    DateSpan.INSTANT: {"instant", "dateTime"},
    DateSpan.DATE_TIME: {"dateTime"},
    DateSpan.PERIOD: {"dateTime", "Period", "Timing", "instant"},
}


def test_a_missing_row_is_named_with_its_table() -> None:
    with pytest.raises(ValueError, match="EXAMPLES has no row for Encounter, Flag"):
        complete_table("EXAMPLES", {"Patient": 1}, ("Encounter", "Patient", "Flag"))


@pytest.mark.parametrize("name", STORED_TYPES)
def test_a_type_has_a_row_in_every_table(name: str) -> None:
    assert name in RESOURCE_TYPES
    assert SEARCH_PARAMS.of(name), f"shared/catalog/parameters has no rows for {name}"
    assert name in SORT_ORDERS
    assert KINDS[name]
    assert issues(fhirjson.loads(fhirjson.dumps(EXAMPLES[name])), name) == []


@pytest.mark.parametrize("name", STORED_TYPES)
def test_a_type_is_in_compartments_or_it_is_decided_who_sees_it(name: str) -> None:
    has_row = any(row.type == name for row in MEMBERS)
    decided = (name in SEEN_BY_ALL) + (name in OUTSIDE_COMPARTMENTS)
    assert has_row + decided == 1, (
        f"{name} needs rows in MEMBERS, or SEEN_BY_ALL or OUTSIDE_COMPARTMENTS"
    )


@pytest.mark.parametrize("name", [*STORED_TYPES, AUDIT_EVENT])
def test_a_sort_order_is_by_a_date_parameter_of_its_type(name: str) -> None:
    row = SORT_ORDERS[name]
    if not row.param:
        return
    param = SEARCH_PARAMS.of(name)[row.param]
    assert param.type == "date"
    assert param.index in (Index.LISTING, Index.FILTER, Index.ROW)
    assert {last_type(name, part.names) for part in parse_paths(param.expression)} <= SPANS[
        row.span
    ]


def last_type(name: str, steps: tuple[str, ...]) -> str:
    for step in steps:
        name = type_named(name).elements[step].type
    return name


@pytest.mark.parametrize("name", STORED_TYPES)
def test_the_element_that_withdraws_a_resource_has_the_value(name: str) -> None:
    element, _, value = WITHDRAWAL_MARKS[name].partition(": ")
    definition = type_named(name).elements[element]
    if definition.type == "boolean":
        assert value in ("true", "false")
    else:
        assert value in value_set_codes(definition.value_set)
