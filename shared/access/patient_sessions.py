"""The elements that patients and related persons may set in a session that they open."""

from datetime import datetime
from typing import Any

from shared.access import identity_elements
from shared.errors import BusinessRule, Forbidden, Issue
from shared.fhir import instants
from shared.settings import settings

type Resource = dict[str, Any]

# R4 requires status and class in every Encounter. The subject is checked elsewhere, as that of
# their threads is. Everything else is set by staff.
ALLOWED = ("resourceType", "id", "status", "class", "type", "serviceType", "reasonCode", "subject")
_PERIOD, _START = "period", "start"


def permitted_encounter(encounter: Resource, now: datetime) -> Resource:
    """Return the Encounter parameter of $open-session without labels of people.

    Raises Forbidden naming each element that patients and related persons may not set, and
    BusinessRule if the period starts earlier than the deployment allows them.
    """
    refused = [name for name in encounter if name not in (*ALLOWED, _PERIOD)]
    refused += [f"period.{name}" for name in encounter.get(_PERIOD, {}) if name != _START]
    if refused:
        raise Forbidden(issues=[_refusal(name) for name in sorted(refused)])
    unlabelled = identity_elements.without_labels(encounter)
    identity_elements.forbid_identifiers(unlabelled)
    if start := encounter.get(_PERIOD, {}).get(_START):
        _check_start(start, now)
    return unlabelled


def _refusal(name: str) -> Issue:
    element = ".".join(part.removeprefix("_") for part in name.split("."))
    return Issue(
        Forbidden.code,
        f"Patients and related persons cannot set {element} of a session",
        f"Encounter.{element}",
        "Leave it out: they may set only class, type, serviceType, reasonCode and period.start",
    )


def _check_start(start: str, now: datetime) -> None:
    """Raise BusinessRule if a start has no day, and so is too vague, or ends too early."""
    hours = settings().sent_tolerance_hours
    earliest = instants.to_nanoseconds(now) - hours * 3600 * instants.SECOND
    if not instants.has_day(start) or instants.parse(start, settings().zone).high <= earliest:
        raise BusinessRule(
            f"The session cannot start more than {hours} hours ago",
            expression="Encounter.period.start",
            diagnostics="This limit is for patients and related persons: send a later "
            "period.start, or leave it out",
        )
