"""Detaching threads from sessions. The session keeps the thread's figures; its span there ends."""

from datetime import datetime

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import instants
from shared.rules import classification, transitions
from shared.rules.state import Figures, Slot, parse_slot_key
from shared.store.records import EncounterRecord, with_changes
from shared.store.transactions import Stale


def remove_from_session(work: AuditedUnitOfWork, slot: Slot) -> EncounterRecord:
    """Save the session that a slot names without that slot. Return the session.

    The caller writes the slot. Raises Stale if the thread has left since its slot was read.
    """
    encounter = work.encounter(slot.session)
    if encounter is None or str(slot.key) not in encounter.slots:
        raise Stale
    _end_span(work, slot)
    left = with_changes(
        encounter,
        slots=encounter.slots - {str(slot.key)},
        figures=encounter.figures.merged(slot.figures),
    )
    return work.save(with_changes(left, due=_due_without_thread(work, left)))


def _due_without_thread(work: AuditedUnitOfWork, left: EncounterRecord) -> str:
    """Return when a session that a thread has left is due: at once, if it may be idle.

    The thread that left may be the only one that kept it from idling. The worker reads when the
    others were last active; read here, that could change before the transaction commits.
    """
    may_idle = left.idle_minutes and left.slots and left.due
    return min(left.due, work.instant) if may_idle else left.due


def last_activity(work: AuditedUnitOfWork, encounter: EncounterRecord) -> datetime | None:
    """Return when a session's threads were last active, or it was opened; None without threads."""
    arrivals = [slot.arrived for slot in attached_slots(work, encounter)]
    return instants.from_text(max(*arrivals, encounter.opened)) if arrivals else None


def _end_span(work: AuditedUnitOfWork, slot: Slot) -> None:
    """Close the thread's span in the session that its slot names.

    A daily span is created with its end, so there is nothing to close.
    """
    if slot.key.day:
        return
    span = work.span(slot.session, slot.key.partition)
    if span is None:
        raise Stale
    work.save(transitions.detached_span(span, slot.high))


def attached_slots(work: AuditedUnitOfWork, session: EncounterRecord) -> list[Slot]:
    """Read the slots that are attached to a session.

    Raises Stale if one has been detached since the session was read.
    """
    slots = [work.slot(parse_slot_key(text)) for text in sorted(session.slots)]
    if any(not slot.open or slot.session != session.id for slot in slots):
        raise Stale
    return slots


def detach_all(work: AuditedUnitOfWork, session: EncounterRecord) -> Figures:
    """Detach all slots from a session that ends or is deleted. Return its merged figures."""
    figures = session.figures
    for slot in attached_slots(work, session):
        _end_span(work, slot)
        work.save(transitions.detached_slot(slot))
        figures = figures.merged(slot.figures)
    return figures


def without_slots(work: AuditedUnitOfWork, session: EncounterRecord) -> EncounterRecord:
    """Detach all slots from a session that takes no more messages. Return it without them."""
    if not session.slots:
        return session
    return with_changes(session, slots=frozenset(), figures=detach_all(work, session))


def is_day_taken(work: AuditedUnitOfWork, slot: Slot, session_id: str) -> bool:
    """Return whether a day's slot names another session that is not void."""
    if slot.session in ("", session_id):
        return False
    other = work.encounter(slot.session)
    return other is not None and not classification.is_void(other.resource)


def free_day(work: AuditedUnitOfWork, session: EncounterRecord) -> None:
    """Clear the slot of a void session's day, so that the day may get another."""
    if not session.home or not classification.is_void(session.resource):
        return
    slot = work.slot(parse_slot_key(session.home))
    if slot.session == session.id:
        work.save(transitions.emptied_slot(slot))
