"""Apply what a message means for its session when it arrives, is retracted, or moves."""

from dataclasses import replace

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.rules import recounting, transitions
from shared.rules.recounting import Recount
from shared.rules.state import Adoption, SlotKey, adoption_of, parse_slot_key
from shared.sessions import amending, arrival, attaching
from shared.store.records import CommunicationRecord


def save(
    work: AuditedUnitOfWork, before: CommunicationRecord | None, message: CommunicationRecord
) -> CommunicationRecord:
    """Save a message, with its effect on a session if it begins or ceases to count, or moves."""
    if message.counts and not message.at:
        is_created = before is None or before.deleted
        message = arrival.assign_session(work, message, is_created=is_created)
    elif not message.at:
        # The message must not be stored if its header is deleted meanwhile.
        work.require_unchanged(work.slot(SlotKey(message.place.thread)))
    if before and before.at and message.place != before.place:
        _follow(work, message)
    if before and before.at and message.counts != before.counts:
        _recount(work, message)
    work.save(message)
    return message


def _effective(
    work: AuditedUnitOfWork, message: CommunicationRecord
) -> tuple[str, Adoption | None]:
    """Return the id of a message's effective session, and the adoption that made it so."""
    if message.session or message.epoch is None:
        return message.session, None
    adoption = adoption_of(message.epoch, work.adoptions(message.place.thread))
    return (adoption.session if adoption else ""), adoption


def _follow(work: AuditedUnitOfWork, message: CommunicationRecord) -> None:
    """Widen the span of a message that moved within its thread, or the slot in which it waits."""
    thread, key = message.place.thread, message.place.sort
    session_id, _ = _effective(work, message)
    if session_id:
        span = work.span(session_id, thread)
        widened = transitions.widened_span(span, session_id, thread, key)
        if widened != span:
            work.save(widened)
    elif message.epoch is not None:
        work.save(transitions.widened_slot(work.slot(SlotKey(thread)), key))


def _recount(work: AuditedUnitOfWork, message: CommunicationRecord) -> None:
    """Correct what is known of a session when a message ceases to count, or counts again."""
    session_id, adoption = _effective(work, message)
    session = work.encounter(session_id) if session_id else None
    thread = SlotKey(message.place.thread)
    slot = work.slot(parse_slot_key(session.home) if session and session.home else thread)
    recount = recounting.decide(
        attaching.named_encounter(session, slot) if session else None,
        slot,
        waits=message.epoch is not None,
        is_late=adoption is not None and adoption.late,
    )
    if recount is Recount.MARK_SLOT:
        work.save(transitions.slot_with_dirty_figures(slot))
    elif session and recount is Recount.MARK_SESSION:
        work.save(replace(session, figures=replace(session.figures, dirty=True)))
    elif session and recount is Recount.AMEND:
        amending.recount(work, session, message)
