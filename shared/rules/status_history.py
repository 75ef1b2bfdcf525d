"""The status of an Encounter: its allowed transitions, and their record in statusHistory.

https://hl7.org/fhir/R4/encounter-definitions.html#Encounter.statusHistory
"""

from typing import Any

from shared.errors import BusinessRule
from shared.fhir import instants
from shared.fhir.patch.patching import without_generated_text
from shared.rules.classification import CANCELLED, ENTERED_IN_ERROR, FINISHED, OPEN_STATUSES

# The statuses that may follow an ended one. An open status may be followed by any other.
_ENDED = {
    FINISHED: frozenset({"in-progress", CANCELLED, ENTERED_IN_ERROR}),
    CANCELLED: frozenset({ENTERED_IN_ERROR}),
    ENTERED_IN_ERROR: frozenset[str](),
}
_TRANSITIONS = {**dict.fromkeys(OPEN_STATUSES, OPEN_STATUSES | _ENDED.keys()), **_ENDED}
Json = dict[str, Any]


def check_transition(before: str | None, after: str | None) -> None:
    """Raise BusinessRule if one status may not follow another; None means that there is none."""
    if before is None or after is None or before == after or after in _TRANSITIONS[before]:
        return
    allowed = ", ".join(sorted(_TRANSITIONS[before]))
    raise BusinessRule(
        f"The status cannot change from {before} to {after}",
        expression="Encounter.status",
        diagnostics=f"It can change to {allowed}" if allowed else f"The status {before} is final",
    )


def with_status(before: Json, status: str, entered: str, now: str) -> Json:
    """Return an Encounter whose status the server changes, without a narrative of its old one.

    `entered` is the instant at which `before` got its status.
    """
    after = before | {"status": status}
    after = with_status_history(before, after, entered, now, keep_omitted=False)
    return without_generated_text(before, after)


def with_status_history(
    before: Json | None, after: Json, entered: str, now: str, *, keep_omitted: bool
) -> Json:
    """Return an Encounter with its former status and the period of it added to statusHistory.

    `entered` is the instant at which `before` got its status. With `keep_omitted`, as for a PUT,
    the stored history is kept if `after` has none.
    """
    if before is None:
        return after
    now = max(entered, now)  # the clock of the process that wrote `before` may have been ahead
    stored: list[Json] = before.get("statusHistory", [])
    written: list[Json] = after.get("statusHistory", stored if keep_omitted else [])
    former = before.get("status")
    if former is not None and former != after.get("status"):
        written = _with_former(former, written, stored, entered, now)
    return {**after, "statusHistory": written} if written else after


def _with_former(
    former: str, history: list[Json], stored: list[Json], entered: str, now: str
) -> list[Json]:
    """Return a history that ends with the former status, unless the client has just added it."""
    last = history[-1] if history else {}
    period = last.get("period", {})
    if last.get("status") == former and "end" not in period:
        return [*history[:-1], {**last, "period": _ended(period, now)}]
    if any(entry.get("status") == former and entry not in stored for entry in history):
        return history
    return [*history, {"status": former, "period": _ended({"start": entered}, now)}]


def _ended(period: Json, now: str) -> Json:
    """Return a period that ends now. One that starts in the future ends at its start."""
    start = period.get("start", now)
    is_future = instants.parse(start).low >= instants.parse(now).high
    return {**period, "end": start if is_future else now}
