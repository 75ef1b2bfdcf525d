"""Apply what a message means for its session when it arrives, is retracted, or moves."""

from dataclasses import replace

from shared.audit.work import Work
from shared.rules import recounting, transitions
from shared.rules.recounting import Recount
from shared.rules.state import Adoption, SlotKey, adopted, slot_key
from shared.sessions import amending, arrival, attaching
from shared.store.records import CommunicationRecord


def count(
    work: Work, before: CommunicationRecord | None, message: CommunicationRecord
) -> CommunicationRecord:
    """Save a message, with its effect on a session if it begins or ceases to count, or moves."""
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
    """Return the id of a message's effective session, and the adoption that made it so."""
    if message.session or message.epoch is None:
        return message.session, None
    adoption = adopted(message.epoch, work.adoptions(message.place.thread))
    return (adoption.session if adoption else ""), adoption


def _follow(work: Work, message: CommunicationRecord) -> None:
    """Widen the span of a message that moved within its thread, or the slot in which it waits."""
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
    """Correct what is known of a session when a message ceases to count, or counts again."""
    session_id, adoption = _effective(work, message)
    session = work.encounter(session_id) if session_id else None
    thread = SlotKey(message.place.thread)
    slot = work.slot(slot_key(session.home) if session and session.home else thread)
    recount = recounting.decide(
        attaching.named(session, slot) if session else None,
        slot,
        waits=message.epoch is not None,
        is_late=adoption is not None and adoption.late,
    )
    if recount is Recount.MARK_SLOT:
        work.save(transitions.retracted(slot))
    elif session and recount is Recount.MARK_SESSION:
        work.save(replace(session, figures=replace(session.figures, dirty=True)))
    elif session and recount is Recount.AMEND:
        amending.amend(work, session, message)
