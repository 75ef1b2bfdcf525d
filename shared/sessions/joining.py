"""Letting a message that arrives join a session, or wait for a link."""

from collections.abc import Callable

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.rules import transitions
from shared.rules.arrival import JoinSession
from shared.sessions import amending, attaching, changes, closing, opening, patients
from shared.sessions.opening import Arrival
from shared.store.records import CommunicationRecord, EncounterRecord, with_changes


def existing_session(work: AuditedUnitOfWork, session_id: str) -> EncounterRecord:
    """Return a session that was read before."""
    session = work.encounter(session_id)
    if session is None:
        raise AssertionError("a session that was decided on is there")
    return session


def join_session(
    work: AuditedUnitOfWork, arrival: Arrival, how: JoinSession
) -> CommunicationRecord:
    """Return a message that joins the open session of its slot."""
    message, header, slot, _ = arrival
    if how.may_precede_start:
        attaching.correct_start(work, existing_session(work, slot.session), message.at)
    if how.may_widen_span:
        _widen_span(work, arrival)
    if how.links_header:
        _make_with_message(
            work, header, lambda step: opening.link_header(step, header, slot.session, slot.key.day)
        )
    _make_with_message(
        work, header, lambda step: patients.add_from_message(step, slot, header, message.resource)
    )
    work.save(opening.slot_with_arrival(work, slot, message))
    return with_changes(message, session=slot.session)


def _widen_span(work: AuditedUnitOfWork, arrival: Arrival) -> None:
    message, header, slot, policy = arrival
    key = message.place.sort
    if slot.key.day:
        attaching.widen_span_to_day(work, slot.session, header.id, slot, policy, key)
        return
    span = work.span(slot.session, header.id)
    # The span of an attached thread has no upper end.
    if span is None or key < span.low:
        attaching.widen_span(work, slot.session, header.id, key)


def join_own_session(
    work: AuditedUnitOfWork, arrival: Arrival, own: EncounterRecord
) -> CommunicationRecord:
    """Return a message that joins the session that it names itself."""
    message, header, slot, _ = arrival
    if slot.key.day:
        work.require_unchanged(header)
    work.save(transitions.slot_with_next_rev(slot))
    figures = own.figures.merged(closing.figures_of_messages([message]))
    joined = work.save(with_changes(own, figures=figures))
    attaching.correct_start(work, joined, message.at)
    attaching.widen_span(work, own.id, header.id, message.place.sort)
    return with_changes(message, session=own.id)


def amend_day_session(
    work: AuditedUnitOfWork, arrival: Arrival, session: EncounterRecord
) -> CommunicationRecord:
    """Return a late message that joins its day's session, which stays finished."""
    message, header, slot, policy = arrival
    work.save(transitions.slot_with_next_rev(slot))
    key = message.place.sort
    attaching.widen_span_to_day(work, session.id, header.id, slot, policy, key)
    amending.add_late_message(work, session, message)
    return with_changes(message, session=session.id)


def wait_for_link(work: AuditedUnitOfWork, arrival: Arrival) -> CommunicationRecord:
    """Return a message without a session. A thread's slot keeps it until a link adopts it."""
    message, header, slot, _ = arrival
    if slot.key.day:
        # A day's session takes over the link of a header without a new epoch of the thread.
        work.require_unchanged(header)
        work.require_unchanged(slot)
        return message
    work.save(opening.slot_with_arrival(work, slot, message))
    return with_changes(message, epoch=slot.epoch)


def _make_with_message(
    work: AuditedUnitOfWork,
    header: CommunicationRecord,
    change: Callable[[AuditedUnitOfWork], object],
) -> None:
    """Make a change that a message leads to, in the message's transaction if both fit it."""
    changes.make_in_advance(work, header, change)
    change(work)
