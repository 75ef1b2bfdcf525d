"""The order of rows: instants as texts that sort as the instants do."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.types import DIRECTORY
from shared.fhir import instants
from shared.fhir.instants import FOREVER, POINT, SECOND, Range
from shared.fhir.search_values import values

type Resource = dict[str, Any]

# Before the time of creation, of what has no time of its own: sorts after every instant.
UNDATED = ":"
# Sorts after every character that the keys use.
AFTER_ALL = "\x7f"
_FIRST = instants.parse("0001").low
_LAST = instants.parse("9999-12-31T23:59:59.999Z").low


@dataclass(frozen=True, slots=True)
class Order:
    """By which date parameter keys are ordered: by the beginning of what it says, to milliseconds.

    Without one they are in order of creation.

    `longest` is how long, in nanoseconds, the stretch of time may be that a value names; `vague`
    where it may also be a month or a year; `has_long` where what lasts longer than some hours has a
    second row.
    """

    param: str
    longest: int
    vague: bool = False
    has_long: bool = False


# A local day has up to 25 hours, 26 where a zone changed its mind.
_LONGEST_DAY = 26 * 3600 * SECOND
UPDATED = Order("_lastUpdated", POINT)
ORDERS = {
    "Encounter": Order("date", FOREVER, has_long=True),
    "AuditEvent": Order("date", POINT),
    "Communication": Order("sent", _LONGEST_DAY, vague=True),
    **dict.fromkeys(DIRECTORY, Order("", 0)),
    "Appointment": Order("date", POINT),
    "Condition": Order("recorded-date", _LONGEST_DAY, vague=True),
    "Observation": Order("date", FOREVER),
    "Procedure": Order("date", FOREVER),
    "DocumentReference": Order("date", POINT),
    "ClinicalImpression": Order("date", _LONGEST_DAY, vague=True),
    "MedicationRequest": Order("authoredon", _LONGEST_DAY, vague=True),
    "ServiceRequest": Order("authored", _LONGEST_DAY, vague=True),
    "QuestionnaireResponse": Order("authored", _LONGEST_DAY, vague=True),
    "Task": Order("authored-on", _LONGEST_DAY, vague=True),
    "ChargeItem": Order("entered-date", _LONGEST_DAY, vague=True),
}


def clamped(nanoseconds: int) -> int:
    """Bring an instant that is beyond the calendar to its ends."""
    return min(max(nanoseconds, _FIRST), _LAST)


def instant_text(nanoseconds: int) -> str:
    """Write an instant since 1970 as keys have it."""
    return instants.written(instants.from_nanoseconds(clamped(nanoseconds)))


def position(resource: Resource, created: str, zone: tzinfo) -> str:
    """Return a resource's place in the order of its type; what has no date is last, by creation.

    A Period with only an end has an open start, which is at the calendar's beginning.
    """
    resource_type = resource["resourceType"]
    param = SEARCH_PARAMS.of(resource_type).get(ORDERS[resource_type].param)
    found = values(resource, param, zone) if param else ()
    lows = [value.low for value in found if isinstance(value, Range)]
    return instant_text(lows[0]) if lows else UNDATED + created
