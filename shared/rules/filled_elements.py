"""The elements that closing fills in on a session and its children; a client's values stay."""

from collections.abc import Collection
from datetime import tzinfo
from typing import Any

from shared.catalog.code_systems import UCUM
from shared.fhir import instants, references
from shared.fhir.fhirjson import Resource
from shared.rules.people import can_participate, participant
from shared.rules.state import Figures

MINUTE = 60 * instants.SECOND
BOUNDS = frozenset({"start", "end"})


def element_value(resource: Resource, element: str) -> Any:
    """Return the value of an element that the server may fill, or None if it has none.

    `start` and `end` are those of the period. Extensions in place of a bound count as its value.
    """
    if element in BOUNDS:
        period = resource.get("period", {})
        return period.get(element) or period.get(f"_{element}")
    return resource.get(element)


def unchanged_elements(before: Resource, after: Resource, filled: frozenset[str]) -> frozenset[str]:
    """Return which of the elements that the server filled a client's write leaves unchanged."""
    return frozenset(
        name
        for name in filled
        if element_value(after, name) is not None
        and element_value(after, name) == element_value(before, name)
    )


def with_restored_elements(
    before: Resource, after: Resource, filled: frozenset[str], zone: tzinfo
) -> Resource:
    """Return a client's resource with the elements that the server filled and the client left out.

    A bound of the period is not restored if it contradicts the client's other bound.
    """
    left_out = {name for name in filled if element_value(after, name) is None}
    bounds = {name: before["period"][name] for name in left_out & BOUNDS}
    restored = after | {name: before[name] for name in left_out - BOUNDS}
    if bounds:
        period = after.get("period", {}) | bounds
        restored["period"] = _without_contradiction(period, left_out, zone)
    return restored


def _without_contradiction(period: Resource, by_server: Collection[str], zone: tzinfo) -> Resource:
    """Return a period without the bounds that the server filled if it ends before it starts."""
    limits = instants.period_range(period, zone)
    if limits.high >= limits.low:
        return period
    return {name: value for name, value in period.items() if name not in by_server}


def without_end(
    before: Resource, after: Resource, filled: frozenset[str]
) -> tuple[Resource, frozenset[str]]:
    """Return an Encounter that opens or reopens without the end and length that the server filled.

    Return also the names of the elements in it that the server has filled. Those that the write
    changes are the client's.
    """
    unchanged = unchanged_elements(before, after, filled)
    dropped = unchanged & {"end", "length"}
    resource = {name: after[name] for name in after if name not in {"period", *dropped}}
    period = {name: bound for name, bound in after.get("period", {}).items() if name not in dropped}
    return resource | ({"period": period} if period else {}), unchanged - dropped


def with_filled_elements(
    session: Resource, figures: Figures, filled: frozenset[str], zone: tzinfo, *, room: int
) -> tuple[Resource, frozenset[str]]:
    """Fill period, length and participants of a session that ends, from its counting messages.

    Return the session, and the names of all elements in it that the server has filled. At most
    `room` participants are added.
    """
    result, filled = with_period_and_length(session, figures, filled, zone)
    participants = _with_senders(result.get("participant", []), figures.senders, room)
    if not participants or ("participant" in result and "participant" not in filled):
        return result, filled
    return result | {"participant": participants}, filled | {"participant"}


def with_period_and_length(
    session: Resource, figures: Figures, filled: frozenset[str], zone: tzinfo
) -> tuple[Resource, frozenset[str]]:
    """Fill period and length unless a client wrote them; without a counting message, nothing.

    Return the session, and the names of all elements in it that the server has filled.
    """
    if not figures.first:
        return session, filled
    period = dict(session.get("period", {}))
    for name, value in (("start", figures.first), ("end", figures.last)):
        if name in filled or element_value(session, name) is None:
            period[name] = value
            filled |= {name}
    consistent = _without_contradiction(period, filled, zone)
    filled -= period.keys() - consistent.keys()
    result = {name: session[name] for name in session if name != "period"}
    return with_length(result | ({"period": consistent} if consistent else {}), filled, zone)


def with_length(
    session: Resource, filled: frozenset[str], zone: tzinfo
) -> tuple[Resource, frozenset[str]]:
    """Fill the length by the period, unless a client wrote it.

    Return the session, and the names of all elements in it that the server has filled.
    """
    if "length" in session and "length" not in filled:
        return session, filled
    result = {name: session[name] for name in session if name != "length"}
    minutes = elapsed_minutes(session.get("period", {}), zone)
    if minutes is None:
        return result, filled - {"length"}
    length = {"value": minutes, "unit": "min", "system": UCUM, "code": "min"}
    return result | {"length": length}, filled | {"length"}


def elapsed_minutes(period: Resource, zone: tzinfo) -> int | None:
    """Return the whole minutes of a period, or None if a bound is missing or has no time of day."""
    start, end = period.get("start", ""), period.get("end", "")
    if "T" not in start or "T" not in end:
        return None
    elapsed = instants.parse(end, zone).low - instants.parse(start, zone).low
    return max(0, elapsed) // MINUTE


def _with_senders(
    participants: list[Resource], senders: frozenset[str], room: int
) -> list[Resource]:
    """Return participants with the senders that are not among them, as many as there is room."""
    present = {str(references.target(entry.get("individual"))) for entry in participants}
    missing = [sender for sender in sorted(senders - present) if can_participate(sender)]
    return participants + [participant(sender) for sender in missing[: max(room, 0)]]


def with_period_of_session(child: Resource, session: Resource, zone: tzinfo) -> Resource:
    """Return a medical encounter with the bounds that its period lacks taken from its session's.

    It is returned unchanged if its period would be empty or end before it starts.
    """
    session_period = session.get("period", {})
    period = dict(child.get("period", {}))
    for name in ("start", "end"):
        if name in session_period and name not in period and f"_{name}" not in period:
            period[name] = session_period[name]
    limits = instants.period_range(period, zone)
    if not period or limits.high < limits.low:
        return child
    return child | {"period": period}
