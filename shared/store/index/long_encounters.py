"""Which Encounters last long, so that a search by date reads a bounded stretch of starts and these.

Each of them has a second row, under a prefix of its own, wherever its rows are in order of dates.
"""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from shared.catalog.parameters import SEARCH_PARAMS
from shared.fhir import instants
from shared.fhir.instants import FOREVER, SECOND, Range
from shared.fhir.search_values import values
from shared.rules.schedule import GRACE
from shared.settings import settings
from shared.store.index.order import AFTER_ALL, UNDATED
from shared.store.index.row_kinds import kind_of

type Resource = dict[str, Any]

# Sorts after the rows that have dates and those that have none: these are read without it.
LONG_PREFIX = "L#"
# The ends of all keys of a type, each resource once.
RANGES_WITHOUT_LONG_ROWS = {
    "Encounter": (" ", UNDATED + AFTER_ALL),
    "Communication": (" ", AFTER_ALL),
}
_HOUR = 3600 * SECOND
# Whoever lasts long has a second row within this time: the due row may be late, and is not needed
# where a session is about to close by itself.
_LATE = timedelta(hours=12)


def threshold_hours() -> int:
    """Give from how many hours on an Encounter lasts long."""
    return settings().session_max_hours


def longest_without_long_row() -> int:
    """Give how long, in nanoseconds, an Encounter without a second row may last."""
    return threshold_hours() * _HOUR + round((GRACE + _LATE).total_seconds()) * SECOND


def is_long(resource: Resource, now: datetime, zone: tzinfo) -> bool:
    """Tell whether an Encounter's period is long; one that is still open has lasted until now."""
    period = _period(resource, zone)
    if period is None or period.high - period.low <= threshold_hours() * _HOUR:
        return False
    is_over = period.high < FOREVER or not is_open(resource)
    return is_over or period.low <= instants.nanoseconds(now) - threshold_hours() * _HOUR


def is_open(resource: Resource) -> bool:
    """Tell whether an Encounter is among the open ones."""
    return bool(resource) and bool(kind_of(resource).listing)


def becomes_long_at(resource: Resource, opened: datetime, zone: tzinfo) -> datetime:
    """Give when an Encounter that stays open has lasted long: from its start, or its opening."""
    period = _period(resource, zone)
    begun = instants.nanoseconds(opened)
    if period is not None and period.low > -FOREVER:
        begun = period.low
    return instants.from_nanoseconds(begun + threshold_hours() * _HOUR)


def _period(resource: Resource, zone: tzinfo) -> Range | None:
    found = values(resource, SEARCH_PARAMS.of("Encounter")["date"], zone) if resource else []
    return next((one for one in found if isinstance(one, Range)), None)
