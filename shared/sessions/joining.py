"""Let a message that arrives join a session, open one, or wait."""

from collections.abc import Callable
from dataclasses import replace

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.rules import transitions
from shared.rules.arrival import JoinSession
from shared.rules.state import Slot
from shared.sessions import amending, attaching, opening, patients
from shared.sessions.opening import Arrival
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.transactions import Stale, TooManyItems


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
    message, header, slot, policy = arrival
    if how.may_precede_start:
        attaching.correct_start(work, existing_session(work, slot.session), message.at)
    if how.may_widen_span and slot.key.day:
        key = message.place.sort
        attaching.widen_span_to_day(
            work, slot.session, header.id, slot.key.day, policy=policy, key=key
        )
    elif how.may_widen_span:
        attaching.widen_span(work, slot.session, header.id, message.place.sort)
    if how.links_header:
        _make_with_message(
            work, header, lambda step: opening.link_header(step, header, slot.session, slot.key.day)
        )
    _make_with_message(
        work, header, lambda step: patients.add_from_message(step, slot, header, message.resource)
    )
    work.save(opening.slot_with_arrival(work, slot, message))
    return replace(message, session=slot.session)


def join_own_session(
    work: AuditedUnitOfWork, arrival: Arrival, own: EncounterRecord
) -> CommunicationRecord:
    """Return a message that joins the session that it names itself."""
    message, header, slot, _ = arrival
    if slot.key.day:
        work.require_unchanged(header)
    work.save(transitions.slot_with_next_rev(slot))
    counted = opening.slot_with_arrival(work, Slot(key=slot.key), message).figures
    joined = replace(own, figures=own.figures.merged(counted))
    work.save(joined)
    attaching.correct_start(work, joined, message.at)
    attaching.widen_span(work, own.id, header.id, message.place.sort)
    return replace(message, session=own.id)


def amend_day_session(
    work: AuditedUnitOfWork, arrival: Arrival, session: EncounterRecord
) -> CommunicationRecord:
    """Return a late message that joins its day's session, which stays finished."""
    message, header, slot, policy = arrival
    work.save(transitions.slot_with_next_rev(slot))
    key = message.place.sort
    attaching.widen_span_to_day(work, session.id, header.id, slot.key.day, policy=policy, key=key)
    amending.add_late_message(work, session, message)
    return replace(message, session=session.id)


def open_session(
    work: AuditedUnitOfWork, arrival: Arrival, *, links_header: bool
) -> CommunicationRecord:
    """Return a message that opens a session."""
    _open_in_advance(work, arrival, links_header=links_header)
    return opening.open_with_message(work, arrival, links_header=links_header)


def create_finished_session(work: AuditedUnitOfWork, arrival: Arrival) -> CommunicationRecord:
    """Return a message with the session of its day, which is over and had none."""
    _open_in_advance(work, arrival, links_header=False)
    return opening.create_finished_session(work, arrival)


def _open_in_advance(work: AuditedUnitOfWork, arrival: Arrival, *, links_header: bool) -> None:
    _make_in_advance(
        work,
        arrival.header,
        lambda step: opening.open_in_advance(step, arrival, links_header=links_header),
    )


def wait_for_link(work: AuditedUnitOfWork, arrival: Arrival) -> CommunicationRecord:
    """Return a message without a session. A thread's slot keeps it until a link adopts it."""
    message, header, slot, _ = arrival
    if slot.key.day:
        # A day's session takes over the link of a header without a new epoch of the thread.
        work.require_unchanged(header)
        work.require_unchanged(slot)
        return message
    work.save(opening.slot_with_arrival(work, slot, message))
    return replace(message, epoch=slot.epoch)


def _make_with_message(
    work: AuditedUnitOfWork,
    header: CommunicationRecord,
    change: Callable[[AuditedUnitOfWork], object],
) -> None:
    """Make a change that a message leads to, in the message's transaction if both fit it."""
    _make_in_advance(work, header, change)
    change(work)


def _make_in_advance(
    work: AuditedUnitOfWork,
    header: CommunicationRecord,
    change: Callable[[AuditedUnitOfWork], object],
) -> None:
    """Make a change that a message leads to in an earlier transaction, if the work goes in steps.

    Raises Stale if that has changed anything. The message then starts over and finds it made: a
    session that is open, a patient who is there.
    """
    if not work.may_span_transactions:
        return
    before = work.preceding_work()
    if before.communication(header.id) != header:
        # The same change writes the header: one of them is nothing without the other.
        raise TooManyItems
    change(before)
    if before.commit("open"):
        raise Stale
