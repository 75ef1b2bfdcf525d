"""How the status of an Encounter may change, and what that leaves in its statusHistory.

https://hl7.org/fhir/R4/encounter-definitions.html#Encounter.statusHistory
"""

from typing import Any

from shared import instants
from shared.errors import BusinessRule
from shared.sessions.kinds import OPEN

# What each status may become; an open one may become any.
_ENDED = {
    "finished": frozenset({"in-progress", "cancelled", "entered-in-error"}),
    "cancelled": frozenset({"entered-in-error"}),
    "entered-in-error": frozenset[str](),
}
_TRANSITIONS = {**dict.fromkeys(OPEN, OPEN | _ENDED.keys()), **_ENDED}
Json = dict[str, Any]


def check_transition(before: str | None, after: str | None) -> None:
    """Raise BusinessRule where a status may not follow another; None is no status yet."""
    if before is None or after is None or before == after or after in _TRANSITIONS[before]:
        return
    next_ones = ", ".join(sorted(_TRANSITIONS[before])) or "nothing else"
    raise BusinessRule(
        f"The status {before} cannot become {after}",
        expression="Encounter.status",
        diagnostics=f"From {before} it can become {next_ones}",
    )


def with_status_history(
    before: Json | None, after: Json, entered: str, now: str, *, keep_omitted: bool
) -> Json:
    """Give an Encounter whose statusHistory has the status it leaves, with its period.

    `entered` is when the status of `before` was entered; `keep_omitted` (a PUT) keeps the stored
    history where `after` has none.
    """
    if before is None:
        return after
    stored: list[Json] = before.get("statusHistory", [])
    written: list[Json] = after.get("statusHistory", stored if keep_omitted else [])
    left = before.get("status")
    if left is not None and left != after.get("status"):
        written = _with(left, written, stored, entered, now)
    return {**after, "statusHistory": written} if written else after


def _with(left: str, history: list[Json], stored: list[Json], entered: str, now: str) -> list[Json]:
    """Give a history with the status that is left, unless the body has just written it there."""
    last = history[-1] if history else {}
    period = last.get("period", {})
    if last.get("status") == left and "end" not in period:
        return [*history[:-1], {**last, "period": _ended(period, now)}]
    if any(entry.get("status") == left and entry not in stored for entry in history):
        return history
    return [*history, {"status": left, "period": _ended({"start": entered}, now)}]


def _ended(period: Json, now: str) -> Json:
    """End a period now; one that has not begun yet ends as it begins."""
    start = period.get("start", now)
    is_ahead = instants.parse(start).low >= instants.parse(now).high
    return {**period, "end": start if is_ahead else now}
