"""What patients and related persons may say of a session that they open."""

from datetime import datetime
from typing import Any

from shared import instants
from shared.access import naming
from shared.errors import BusinessRule, Forbidden, Issue
from shared.settings import settings

type Resource = dict[str, Any]

# R4 requires status and class of every Encounter. Whom the session is about is checked as their
# threads' subject is; the rest is the clinic's to say.
ALLOWED = ("resourceType", "id", "status", "class", "type", "serviceType", "reasonCode", "subject")
_PERIOD, _START = "period", "start"


def check_encounter(encounter: Resource, now: datetime) -> Resource:
    """Return the Encounter of $open-session as a patient or related person may give it.

    Raises Forbidden naming each element that is not theirs, and BusinessRule if the period begins
    further back than the deployment believes them.
    """
    refused = [name for name in encounter if name not in (*ALLOWED, _PERIOD)]
    refused += [f"period.{name}" for name in encounter.get(_PERIOD, {}) if name != _START]
    if refused:
        raise Forbidden(issues=[_refusal(name) for name in sorted(refused)])
    naming.check_identifiers(naming.without_labels(encounter))
    _check_start(encounter.get(_PERIOD, {}), now)
    return naming.without_labels(encounter)


def _refusal(name: str) -> Issue:
    element = ".".join(part.removeprefix("_") for part in name.split("."))
    return Issue(
        Forbidden.code,
        f"Patients and related persons do not set {element} of a session",
        f"Encounter.{element}",
        "They may give class, type, serviceType, reasonCode and period.start",
    )


def _check_start(period: Resource, now: datetime) -> None:
    hours = settings().sent_tolerance_hours
    earliest = instants.nanoseconds(now) - hours * 3600 * instants.SECOND
    if _START in period and _is_before(period[_START], earliest):
        raise BusinessRule(
            f"The session begins more than {hours} hours ago",
            expression="Encounter.period.start",
            diagnostics="What patients and related persons say is believed for so long: "
            "leave period.start out",
        )


def _is_before(start: str, earliest: int) -> bool:
    """Return whether a dateTime is wholly before an instant; one without a day says too little."""
    high = instants.parse(start, settings().zone).high
    return not instants.has_day(start) or high <= earliest
