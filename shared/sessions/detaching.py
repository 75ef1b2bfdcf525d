"""Detaching threads from sessions. The session keeps the thread's figures; its span there ends."""

from datetime import datetime

from shared.audit.work import Work
from shared.fhir import instants
from shared.rules import classification, transitions
from shared.rules.state import Figures, Slot, slot_key
from shared.store.records import EncounterRecord, changed
from shared.store.transactions import Stale


def leave(work: Work, slot: Slot) -> EncounterRecord:
    """Save the session that a slot names without that slot. Return the session.

    The caller writes the slot. Raises Stale if the thread has left since its slot was read.
    """
    encounter = work.encounter(slot.session)
    if encounter is None or str(slot.key) not in encounter.slots:
        raise Stale
    _end_span(work, slot)
    left = changed(
        encounter,
        slots=encounter.slots - {str(slot.key)},
        figures=encounter.figures.merged(slot.figures),
    )
    left = changed(left, due=_due_without_thread(work, left))
    work.save(left)
    return left


def _due_without_thread(work: Work, left: EncounterRecord) -> str:
    """Return when a session that a thread has left is due: at once, if it may be idle.

    The thread that left may be the only one that kept it from idling. The worker reads when the
    others were last active; read here, that could change before the transaction commits.
    """
    may_idle = left.idle_minutes and left.slots and left.due
    return min(left.due, work.instant) if may_idle else left.due


def active(work: Work, encounter: EncounterRecord) -> datetime | None:
    """Return when a session's threads were last active, or it was opened; None without threads."""
    arrivals = [slot.arrived for slot in attached(work, encounter)]
    return instants.read(max(*arrivals, encounter.opened)) if arrivals else None


def _end_span(work: Work, slot: Slot) -> None:
    """Close the thread's span in the session that its slot names.

    A daily span is created with its end, so there is nothing to close.
    """
    if slot.key.day:
        return
    span = work.span(slot.session, slot.key.partition)
    if span is None:
        raise Stale
    work.save(transitions.span_detached(span, slot.high))


def attached(work: Work, session: EncounterRecord) -> list[Slot]:
    """Read the slots that are attached to a session.

    Raises Stale if one has been detached since the session was read.
    """
    found = [work.slot(slot_key(text)) for text in sorted(session.slots)]
    if any(not slot.open or slot.session != session.id for slot in found):
        raise Stale
    return found


def release(work: Work, session: EncounterRecord) -> Figures:
    """Detach all slots from a session that ends or is deleted. Return its merged figures."""
    figures = session.figures
    for slot in attached(work, session):
        _end_span(work, slot)
        work.save(transitions.detached(slot))
        figures = figures.merged(slot.figures)
    return figures


def is_taken(work: Work, slot: Slot, session_id: str) -> bool:
    """Return whether a day's slot names another session that is neither void nor deleted."""
    if slot.session in ("", session_id):
        return False
    other = work.encounter(slot.session)
    return (
        other is not None
        and not other.deleted
        and other.resource["status"] not in classification.VOID
    )


def free_day(work: Work, session: EncounterRecord) -> None:
    """Clear the slot of a void or deleted session's day, so that the day may get another."""
    slot = work.slot(slot_key(session.home)) if session.home else None
    if slot and slot.session == session.id:
        work.save(transitions.emptied(slot))
