"""Taking threads out of sessions: the session keeps the figures, the thread's range in it ends."""

from datetime import datetime

from shared import instants
from shared.sessions import kinds, slots
from shared.sessions.state import Figures, Slot, slot_key
from shared.store.records import EncounterRecord, changed
from shared.store.transactions import Stale
from shared.store.work import Work


def leave(work: Work, slot: Slot) -> EncounterRecord:
    """Save a session without one of its threads, and return it; the caller writes the slot.

    Raises Stale where the thread has left it since its slot was read.
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
    """Return when a session that a thread has left is looked at: at once, if it may be idle.

    Only that thread may have kept it from idling. The worker reads when the others were last heard
    from; here nothing would hold what was read until the transaction is made.
    """
    may_idle = left.idle_minutes and left.slots and left.due
    return min(left.due, work.instant) if may_idle else left.due


def active(work: Work, encounter: EncounterRecord) -> datetime | None:
    """Return the latest arrival in, attaching of, or reopening with a thread; None without one."""
    arrivals = [slot.arrived for slot in attached(work, encounter)]
    return instants.read(max(*arrivals, encounter.opened)) if arrivals else None


def _end_span(work: Work, slot: Slot) -> None:
    """End the thread's range in the session that its slot names; a day's has its end from birth."""
    if slot.key.day:
        return
    span = work.span(slot.session, slot.key.partition)
    if span is None:
        raise Stale
    work.save(slots.span_detached(span, slot.high))


def attached(work: Work, session: EncounterRecord) -> list[Slot]:
    """Read the slots that are attached to a session.

    Raises Stale where one has left it since the session was read.
    """
    read = [work.slot(slot_key(text)) for text in sorted(session.slots)]
    if any(not slot.open or slot.session != session.id for slot in read):
        raise Stale
    return read


def release(work: Work, session: EncounterRecord) -> Figures:
    """Detach everything from a session that ends or is deleted; give its figures."""
    figures = session.figures
    for slot in attached(work, session):
        _end_span(work, slot)
        work.save(slots.detached(slot))
        figures = figures.merged(slot.figures)
    return figures


def is_taken(work: Work, slot: Slot, session_id: str) -> bool:
    """Tell whether a day has another session already; one that is void has left it."""
    if slot.session in ("", session_id):
        return False
    named = work.encounter(slot.session)
    return named is not None and not named.deleted and named.resource["status"] not in kinds.VOID


def free_day(work: Work, session: EncounterRecord) -> None:
    """Let a day have another session, where this one is void."""
    slot = work.slot(slot_key(session.home)) if session.home else None
    if slot and slot.session == session.id:
        work.save(slots.emptied(slot))
