"""What a message means for its session: when it arrives, is taken back, or moves."""

from dataclasses import replace

from shared.interactions import amending, arrivals, closing
from shared.sessions import slots
from shared.sessions.state import Adoption, SlotKey, adopted, slot_key
from shared.store.records import CommunicationRecord
from shared.store.work import Work


def count(
    work: Work, before: CommunicationRecord | None, message: CommunicationRecord
) -> CommunicationRecord:
    """Save a message, with what its beginning or ceasing to count means for its session."""
    if message.counts and not message.at:
        is_created = before is None or before.deleted
        message = arrivals.arrive(work, message, is_created=is_created)
    elif not message.at:
        # Its thread stays a thread that takes messages.
        work.require(work.slot(SlotKey(message.place.thread)))
    if before and before.at and message.place != before.place:
        _follow(work, message)
    if before and before.at and message.counts != before.counts:
        _recount(work, message)
    work.save(message)
    return message


def _effective(work: Work, message: CommunicationRecord) -> tuple[str, Adoption | None]:
    """Give the id of a message's effective session, and the adoption that made it so."""
    if message.session or message.epoch is None:
        return message.session, None
    adoption = adopted(message.epoch, work.adoptions(message.place.thread))
    return (adoption.session if adoption else ""), adoption


def _follow(work: Work, message: CommunicationRecord) -> None:
    """Widen what leads to a message that has moved within its thread."""
    thread, key = message.place.thread, message.place.sort
    session_id, _ = _effective(work, message)
    if session_id:
        span = work.span(session_id, thread)
        widened = slots.span_widened(span, session_id, thread, key)
        if widened != span:
            work.save(widened)
    elif message.epoch is not None:
        work.save(slots.widened(work.slot(SlotKey(thread)), key))


def _recount(work: Work, message: CommunicationRecord) -> None:
    """Bring figures up to date when a message ceases to count, or counts again."""
    session_id, adoption = _effective(work, message)
    session = work.encounter(session_id) if session_id else None
    thread = SlotKey(message.place.thread)
    slot = work.slot(slot_key(session.home) if session and session.home else thread)
    if session is None:
        if message.epoch is not None:
            work.save(slots.retracted(slot))
    elif slot.open and slot.session == session.id:
        work.save(slots.retracted(slot))
    elif adoption and adoption.late:
        return
    elif session.deleted or session.resource.get("status") != closing.FINISHED:
        work.save(replace(session, figures=replace(session.figures, dirty=True)))
    else:
        amending.amend(work, session, message)
