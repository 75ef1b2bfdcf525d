"""The order in which searches find the resources of each type, which is that of their index rows.

A search by the parameter of a type's order reads only the part of the rows that can match.
"""

from dataclasses import dataclass
from enum import Enum

from shared.catalog.types import (
    AUDIT_EVENT,
    DIRECTORY_TYPES,
    SERVICE_TYPES,
    STORED_TYPES,
    complete_table,
)


class DateSpan(Enum):
    """The longest time that a value of a date parameter may cover, by its data type."""

    INSTANT = "instant: a single point"
    DATE_TIME = "dateTime: a local day at most, or a whole month or year"
    PERIOD = "Period or Timing: any time"


@dataclass(frozen=True, slots=True)
class SortOrder:
    """The date parameter by whose beginning rows are ordered, to milliseconds.

    Without one they are in order of creation. With `has_long`, what lasts longer than some hours
    has a second row.
    """

    param: str = ""
    span: DateSpan = DateSpan.INSTANT
    has_long: bool = False


BY_CREATION = SortOrder()
BY_UPDATE = SortOrder("_lastUpdated")
SORT_ORDERS = complete_table(
    "SORT_ORDERS",
    {
        "Encounter": SortOrder("date", DateSpan.PERIOD, has_long=True),
        AUDIT_EVENT: SortOrder("date"),
        "Communication": SortOrder("sent", DateSpan.DATE_TIME),
        **dict.fromkeys((*DIRECTORY_TYPES, *SERVICE_TYPES), BY_CREATION),
        "Appointment": SortOrder("date"),
        "Condition": SortOrder("recorded-date", DateSpan.DATE_TIME),
        "Observation": SortOrder("date", DateSpan.PERIOD),
        "Procedure": SortOrder("date", DateSpan.PERIOD),
        "DocumentReference": SortOrder("date"),
        "ClinicalImpression": SortOrder("date", DateSpan.DATE_TIME),
        "MedicationRequest": SortOrder("authoredon", DateSpan.DATE_TIME),
        "ServiceRequest": SortOrder("authored", DateSpan.DATE_TIME),
        "QuestionnaireResponse": SortOrder("authored", DateSpan.DATE_TIME),
        "Task": SortOrder("authored-on", DateSpan.DATE_TIME),
        "ChargeItem": SortOrder("entered-date", DateSpan.DATE_TIME),
    },
    (*STORED_TYPES, AUDIT_EVENT),
)
