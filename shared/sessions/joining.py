"""Let a message that arrives join a session, open one, or wait."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from shared.audit.work import Work
from shared.rules import transitions
from shared.rules.arrival import Join
from shared.rules.policies import Policy
from shared.rules.state import Slot
from shared.sessions import amending, attaching, opening, patients
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.transactions import Stale, TooManyItems


class Arrival(NamedTuple):
    """A message, the header of its thread, the slot that it meets, and the policy of its thread."""

    message: CommunicationRecord
    header: CommunicationRecord
    slot: Slot
    policy: Policy


def stored(work: Work, session_id: str) -> EncounterRecord:
    """Return a session that was read before."""
    session = work.encounter(session_id)
    if session is None:
        raise AssertionError("a session that was decided on is there")
    return session


def attach_again(work: Work, arrival: Arrival, session: EncounterRecord) -> None:
    """Attach a session that was reopened to the slot that a message meets."""
    _, header, slot, policy = arrival
    if slot.key.day:
        attaching.attach_day(work, slot, session, header.id, policy)
    else:
        attaching.attach(work, slot, session)


def join(work: Work, arrival: Arrival, how: Join) -> CommunicationRecord:
    """Return a message that joins the open session of its slot."""
    message, header, slot, policy = arrival
    if how.begins_earlier:
        attaching.begun_earlier(work, stored(work, slot.session), message.at)
    if how.widens and slot.key.day:
        key = message.place.sort
        attaching.reach_day(work, slot.session, header.id, slot.key.day, policy=policy, key=key)
    elif how.widens:
        attaching.widen(work, slot.session, message.place)
    if how.points:
        _make_with_message(
            work, header, lambda step: opening.point(step, header, slot.session, slot.key.day)
        )
    _make_with_message(
        work, header, lambda step: patients.join(step, slot, header, message.resource)
    )
    work.save(opening.arrived(work, slot, message))
    return replace(message, session=slot.session)


def join_own(work: Work, arrival: Arrival, own: EncounterRecord) -> CommunicationRecord:
    """Return a message that joins the session that it names itself."""
    message, _, slot, _ = arrival
    work.save(transitions.noticed(slot))
    counted = opening.arrived(work, Slot(key=slot.key), message).figures
    joined = replace(own, figures=own.figures.merged(counted))
    work.save(joined)
    attaching.begun_earlier(work, joined, message.at)
    attaching.widen(work, own.id, message.place)
    return replace(message, session=own.id)


def amend_day(work: Work, arrival: Arrival, session: EncounterRecord) -> CommunicationRecord:
    """Return a late message that joins its day's session, which stays finished."""
    message, header, slot, policy = arrival
    work.save(transitions.noticed(slot))
    key = message.place.sort
    attaching.reach_day(work, session.id, header.id, slot.key.day, policy=policy, key=key)
    amending.extend(work, session, message)
    return replace(message, session=session.id)


def open_session(work: Work, arrival: Arrival, *, points: bool) -> CommunicationRecord:
    """Return a message that opens a session; `points` says whether its header is linked to it."""
    message, header, slot, policy = arrival
    _open_first(work, arrival, points=points)
    session_id = opening.open_for(work, header, message, slot, policy, points=points)
    return replace(message, session=session_id)


def open_finished(work: Work, arrival: Arrival) -> CommunicationRecord:
    """Return a message with the session of its day, which is over and had none."""
    message, header, slot, policy = arrival
    _open_first(work, arrival, points=False)
    session_id = opening.open_finished(work, header, message, slot, policy)
    return replace(message, session=session_id)


def _open_first(work: Work, arrival: Arrival, *, points: bool) -> None:
    message, header, slot, policy = arrival
    _make_in_advance(
        work,
        header,
        lambda step: opening.open_before(step, header, message.at, slot, policy, points=points),
    )


def wait(work: Work, arrival: Arrival) -> CommunicationRecord:
    """Return a message without a session. A thread's slot keeps it until a link adopts it."""
    message, _, slot, _ = arrival
    if slot.key.day:
        work.require(slot)
        return message
    work.save(opening.arrived(work, slot, message))
    return replace(message, epoch=slot.epoch)


def _make_with_message(
    work: Work, header: CommunicationRecord, change: Callable[[Work], object]
) -> None:
    """Make a change that a message leads to, in the message's transaction if both fit it."""
    _make_in_advance(work, header, change)
    change(work)


def _make_in_advance(
    work: Work, header: CommunicationRecord, change: Callable[[Work], object]
) -> None:
    """Make a change that a message leads to in an earlier transaction, if the work goes in steps.

    Raises Stale if that has changed anything. The message then starts over and finds it made: a
    session that is open, a patient who is there.
    """
    if not work.in_steps:
        return
    before = work.before()
    if before.communication(header.id) != header:
        # The same change writes the header: one of them is nothing without the other.
        raise TooManyItems
    change(before)
    if before.commit("open"):
        raise Stale
