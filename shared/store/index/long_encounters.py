"""Encounters that last long, and therefore have long rows.

A search by date must find every period that overlaps with a range. It reads the rows that start
within a bounded time before the range, and the long rows: a second row of each Encounter that lasts
longer, under a prefix of its own, in each partition that is ordered by date.
"""

from datetime import datetime, timedelta, tzinfo
from typing import Any

from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.policies import LONG_ENCOUNTER_GRACE
from shared.fhir import instants
from shared.fhir.instants import FOREVER, SECOND, Range
from shared.fhir.search_values import values
from shared.settings import settings
from shared.store.index.order import UNDATED
from shared.store.index.row_kinds import row_kind
from shared.store.keys import AFTER_ALL, FULL_RANGE

type Resource = dict[str, Any]

# Sorts after rows with a date and after those without one, so that both are read without it.
LONG_PREFIX = "L#"
# Ranges of sort keys that contain each resource of a type once, by its first row.
RANGES_WITHOUT_LONG_ROWS = {
    "Encounter": (" ", UNDATED + AFTER_ALL),
    "Communication": FULL_RANGE,
}
_HOUR = 3600 * SECOND
# Within this time beyond the threshold an Encounter gets its long row. The due row may be looked at
# late, and a session that is about to close by itself needs none.
_LATE = timedelta(hours=12)


def threshold_hours() -> int:
    """Return the number of hours beyond which an Encounter lasts long."""
    return settings().session_max_hours


def longest_without_long_row() -> int:
    """Return how long, in nanoseconds, an Encounter without a long row may last."""
    return (
        threshold_hours() * _HOUR + round((LONG_ENCOUNTER_GRACE + _LATE).total_seconds()) * SECOND
    )


def is_long(resource: Resource, now: datetime, zone: tzinfo) -> bool:
    """Return whether an Encounter's period is long, counting until now if it is still open."""
    period = _period(resource, zone)
    if period is None or period.high - period.low <= threshold_hours() * _HOUR:
        return False
    is_over = period.high < FOREVER or not is_open(resource)
    return is_over or period.low <= instants.to_nanoseconds(now) - threshold_hours() * _HOUR


def is_open(resource: Resource) -> bool:
    """Return whether an Encounter's status is an open one."""
    return bool(resource) and bool(row_kind(resource).listing)


def becomes_long_at(resource: Resource, opened: datetime, zone: tzinfo) -> datetime:
    """Return when an Encounter that stays open becomes long.

    It is counted from the start of its period, or from `opened` if the period has no start.
    """
    period = _period(resource, zone)
    start = instants.to_nanoseconds(opened)
    if period is not None and period.low > -FOREVER:
        start = period.low
    return instants.from_nanoseconds(start + threshold_hours() * _HOUR)


def _period(resource: Resource, zone: tzinfo) -> Range | None:
    dates = values(resource, SEARCH_PARAMS.of("Encounter")["date"], zone) if resource else []
    return next((value for value in dates if isinstance(value, Range)), None)
