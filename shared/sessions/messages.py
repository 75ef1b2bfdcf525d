"""Effects of a message on its session when it arrives, is retracted, or moves in its thread."""

from dataclasses import replace

from shared.audit.work import Work
from shared.rules import transitions
from shared.rules.state import Adoption, SlotKey, adopted, slot_key
from shared.sessions import amending, arrival, closing
from shared.store.records import CommunicationRecord


def count(
    work: Work, before: CommunicationRecord | None, message: CommunicationRecord
) -> CommunicationRecord:
    """Save a message, and apply to its session that it begins or ceases to count."""
    if message.counts and not message.at:
        is_created = before is None or before.deleted
        message = arrival.arrive(work, message, is_created=is_created)
    elif not message.at:
        # The message must not be stored if its header is deleted meanwhile.
        work.require(work.slot(SlotKey(message.place.thread)))
    if before and before.at and message.place != before.place:
        _follow(work, message)
    if before and before.at and message.counts != before.counts:
        _recount(work, message)
    work.save(message)
    return message


def _effective(work: Work, message: CommunicationRecord) -> tuple[str, Adoption | None]:
    """Return the id of a message's effective session, and its adoption if it was adopted."""
    if message.session or message.epoch is None:
        return message.session, None
    adoption = adopted(message.epoch, work.adoptions(message.place.thread))
    return (adoption.session if adoption else ""), adoption


def _follow(work: Work, message: CommunicationRecord) -> None:
    """Widen the span or slot through which a message that has moved in its thread is found."""
    thread, key = message.place.thread, message.place.sort
    session_id, _ = _effective(work, message)
    if session_id:
        span = work.span(session_id, thread)
        widened = transitions.span_widened(span, session_id, thread, key)
        if widened != span:
            work.save(widened)
    elif message.epoch is not None:
        work.save(transitions.widened(work.slot(SlotKey(thread)), key))


def _recount(work: Work, message: CommunicationRecord) -> None:
    """Mark or recompute a session's figures when a message ceases to count, or counts again."""
    session_id, adoption = _effective(work, message)
    session = work.encounter(session_id) if session_id else None
    thread_key = SlotKey(message.place.thread)
    slot = work.slot(slot_key(session.home) if session and session.home else thread_key)
    if session is None:
        if message.epoch is not None:
            work.save(transitions.retracted(slot))
    elif slot.open and slot.session == session.id:
        work.save(transitions.retracted(slot))
    elif adoption and adoption.late:
        # Messages adopted after the session had finished are not in its figures.
        return
    elif session.deleted or session.resource.get("status") != closing.FINISHED:
        work.save(replace(session, figures=replace(session.figures, dirty=True)))
    else:
        amending.amend(work, session, message)
