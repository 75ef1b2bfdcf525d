"""What closing writes into a session and its children: only what nobody else has written."""

from datetime import tzinfo
from typing import Any

from shared import instants, references
from shared.sessions.state import Figures

type Resource = dict[str, Any]

PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
# Whom R4 allows in Encounter.participant.individual, and as what they took part.
PARTICIPATION_OF = {"Practitioner": "ATND", "PractitionerRole": "ATND", "RelatedPerson": "PART"}
MINUTE = 60 * instants.SECOND
BOUNDS = frozenset({"start", "end"})


def written(resource: Resource, element: str) -> Any:
    """Give what stands in an element that the server may fill."""
    if element in BOUNDS:
        period = resource.get("period", {})
        return period.get(element) or period.get(f"_{element}")
    return resource.get(element)


def still_filled(before: Resource, after: Resource, filled: frozenset[str]) -> frozenset[str]:
    """Give those filled elements that a client's write has left as they were."""
    return frozenset(
        name
        for name in filled
        if written(after, name) is not None and written(after, name) == written(before, name)
    )


def with_kept(before: Resource, after: Resource, filled: frozenset[str], zone: tzinfo) -> Resource:
    """Keep what the server filled where a client's write leaves it out, unless they contradict."""
    left_out = {name for name in filled if written(after, name) is None}
    bounds = {name: before["period"][name] for name in left_out & BOUNDS}
    kept = after | {name: before[name] for name in left_out - BOUNDS}
    if bounds:
        kept["period"] = _agreeing(after.get("period", {}) | bounds, left_out, zone)
    return kept


def _agreeing(period: Resource, ours: frozenset[str] | set[str], zone: tzinfo) -> Resource:
    """Leave bounds of ours out of a period where the client's other one contradicts them."""
    whole = instants.period(period, zone)
    if whole.high >= whole.low:
        return period
    return {name: value for name, value in period.items() if name not in ours & BOUNDS}


def without(resource: Resource, elements: frozenset[str]) -> Resource:
    """Take elements out that the server filled."""
    kept = {name: value for name, value in resource.items() if name not in elements}
    period = {
        name: value for name, value in resource.get("period", {}).items() if name not in elements
    }
    kept.pop("period", None)
    return kept | ({"period": period} if period else {})


def completed(
    session: Resource, figures: Figures, filled: frozenset[str], zone: tzinfo, *, room: int
) -> tuple[Resource, frozenset[str]]:
    """Fill period, length and participants of a session that ends, from its counting messages.

    Gives the session and what the server has filled in it. `room` is how many participants more
    the session may have.
    """
    result, filled = timed(session, figures, filled, zone)
    ours = set(filled)
    if "participant" not in result or "participant" in ours:
        _fill_participants(result, figures, ours, room)
    return result, frozenset(ours)


def timed(
    session: Resource, figures: Figures, filled: frozenset[str], zone: tzinfo
) -> tuple[Resource, frozenset[str]]:
    """Fill period and length where nobody else has written them; without a message nothing."""
    result, ours = dict(session), set(filled)
    if figures.first:
        period = _period(result.pop("period", {}), figures, ours, zone)
        if period:
            result["period"] = period
        _fill_length(result, ours, zone)
    return result, frozenset(ours)


def _period(period: Resource, figures: Figures, ours: set[str], zone: tzinfo) -> Resource:
    result = dict(period)
    for name, value in (("start", figures.first), ("end", figures.last)):
        if name in ours or (name not in result and f"_{name}" not in result):
            result[name] = value
            ours.add(name)
    agreeing = _agreeing(result, ours, zone)
    ours -= result.keys() - agreeing.keys()
    return agreeing


def _fill_length(session: Resource, ours: set[str], zone: tzinfo) -> None:
    if "length" in session and "length" not in ours:
        return
    minutes = elapsed_minutes(session.get("period", {}), zone)
    session.pop("length", None)
    ours.discard("length")
    if minutes is not None:
        session["length"] = {
            "value": minutes,
            "unit": "min",
            "system": "http://unitsofmeasure.org",
            "code": "min",
        }
        ours.add("length")


def measured(
    session: Resource, filled: frozenset[str], zone: tzinfo
) -> tuple[Resource, frozenset[str]]:
    """Let a length that the server filled follow the period, which a client may have changed."""
    result, ours = dict(session), set(filled)
    if "length" in ours:
        _fill_length(result, ours, zone)
    return result, frozenset(ours)


def elapsed_minutes(period: Resource, zone: tzinfo) -> int | None:
    """Give the whole minutes of a period, None where a bound does not say its time."""
    start, end = period.get("start", ""), period.get("end", "")
    if "T" not in start or "T" not in end:
        return None
    elapsed = instants.parse(end, zone).low - instants.parse(start, zone).low
    return max(0, elapsed) // MINUTE


def _fill_participants(session: Resource, figures: Figures, ours: set[str], room: int) -> None:
    present = list(session.get("participant", ()))
    known = {str(references.target(one.get("individual"))) for one in present}
    people = [one for one in sorted(figures.senders - known) if takes_part(one)]
    present += [participant(one) for one in people[: max(room, 0)]]
    if present:
        session["participant"] = present
        ours.add("participant")


def takes_part(reference: str) -> bool:
    """Tell whether R4 allows somebody as a participant."""
    return reference.partition("/")[0] in PARTICIPATION_OF


def participant(reference: str) -> Resource:
    """Make a participant of a person, by what they are."""
    coding = {"system": PARTICIPATION, "code": PARTICIPATION_OF[reference.partition("/")[0]]}
    return {"type": [{"coding": [coding]}], "individual": {"reference": reference}}


def child_completed(child: Resource, session: Resource, zone: tzinfo) -> Resource:
    """Fill the bounds that a medical encounter's period lacks from its session's."""
    whole = session.get("period", {})
    period = dict(child.get("period", {}))
    for name in ("start", "end"):
        if name in whole and name not in period and f"_{name}" not in period:
            period[name] = whole[name]
    limits = instants.period(period, zone)
    if not period or limits.high < limits.low:
        return child
    return child | {"period": period}
