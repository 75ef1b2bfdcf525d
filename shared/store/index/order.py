"""The order of index rows: which date parameter orders a type, and dates as sortable text."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.sort_orders import BY_UPDATE, SORT_ORDERS, DateSpan, SortOrder
from shared.fhir import instants
from shared.fhir.instants import FOREVER, POINT, SECOND, Range
from shared.fhir.search_values import values

type Resource = dict[str, Any]

# Precedes the time of creation in the sort keys of resources without a date: these sort last.
UNDATED = ":"
_FIRST = instants.parse("0001").low
_LAST = instants.parse("9999-12-31T23:59:59.999Z").low


@dataclass(frozen=True, slots=True)
class Order:
    """The date parameter that orders a type's rows, by the start of its value in milliseconds.

    If `param` is empty, rows are in order of creation. `longest` is the longest time, in
    nanoseconds, that a value may span. `vague` says that a value may also be a month or a year,
    `has_long` that a resource that lasts longer than some hours has long rows.
    """

    param: str
    longest: int
    vague: bool = False
    has_long: bool = False


# A local day has up to 25 hours, or 26 in a zone that has moved by more than one.
_WIDTHS = {
    DateSpan.INSTANT: POINT,
    DateSpan.DATE_TIME: 26 * 3600 * SECOND,
    DateSpan.PERIOD: FOREVER,
}


def _order(row: SortOrder) -> Order:
    is_vague = row.span is DateSpan.DATE_TIME
    return Order(row.param, _WIDTHS[row.span], vague=is_vague, has_long=row.has_long)


UPDATED = _order(BY_UPDATE)
ORDERS = {resource_type: _order(row) for resource_type, row in SORT_ORDERS.items()}


def clamped(nanoseconds: int) -> int:
    """Return an instant, limited to the years 1 to 9999."""
    return min(max(nanoseconds, _FIRST), _LAST)


def instant_text(nanoseconds: int) -> str:
    """Return an instant, in nanoseconds since 1970, as it is written in keys."""
    return instants.to_text(instants.from_nanoseconds(clamped(nanoseconds)))


def position(resource: Resource, created: str, zone: tzinfo) -> str:
    """Return a resource's position among the rows of its type.

    A resource without a date comes last, by its time of creation. A Period without a start comes
    first.
    """
    resource_type = resource["resourceType"]
    param = SEARCH_PARAMS.of(resource_type).get(ORDERS[resource_type].param)
    dates = values(resource, param, zone) if param else ()
    starts = [value.low for value in dates if isinstance(value, Range)]
    return instant_text(starts[0]) if starts else UNDATED + created
