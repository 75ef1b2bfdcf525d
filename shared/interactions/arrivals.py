"""A message that counts for the first time: which session it joins, opens, or waits for."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from shared import instants
from shared.interactions import (
    amending,
    attaching,
    closing,
    deployment,
    links,
    openings,
    patients,
    versions,
)
from shared.sessions import kinds, opening, policies, slots, times
from shared.sessions.policies import EXPLICIT, Policy
from shared.sessions.state import Slot, SlotKey
from shared.settings import settings
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.transactions import Stale, TooManyItems
from shared.store.work import Work


class _Arrival(NamedTuple):
    """A message, the header of its thread, the slot it finds there, and the policy that holds."""

    message: CommunicationRecord
    header: CommunicationRecord
    slot: Slot
    policy: Policy


def arrive(work: Work, message: CommunicationRecord, *, is_created: bool) -> CommunicationRecord:
    """Return a message that counts for the first time with its *at* and its session or epoch.

    The thread's state is read before the header, and both before the day's slot and the session:
    whoever changes one of them meanwhile makes the transaction fail.
    """
    state = work.slot(SlotKey(message.place.thread))
    header = work.communication(message.place.thread)
    if header is None:
        raise AssertionError("a message has a header")
    policy = deployment.policy_of(header)
    message = _dated(work, message, policy, is_created=is_created)
    slot = _slot(work, state, header, message, policy)
    if slot.key.day:
        work.require(state)
    own = links.own_session(work, message, policy)
    if header.plain and not slot.open:
        return _wait(work, message, slot)
    if not slot.open:
        _attach_again(work, header, slot, policy)
        slot = work.slot(slot.key)
    arrival = _Arrival(message, header, slot, policy)
    if slot.open:
        links.check_own(work, message, slot, own)
        return _linked(work, _join(work, arrival))
    return _linked(work, _without_open_session(work, arrival, own))


def _dated(
    work: Work, message: CommunicationRecord, policy: Policy, *, is_created: bool
) -> CommunicationRecord:
    """Return a message with its *at*. Patients and related persons are believed within limits."""
    is_theirs = message.by_patient or work.actor.is_cared_for
    at = times.at(
        message.resource,
        work.now,
        policy.zone,
        tolerance_hours=settings().sent_tolerance_hours if is_theirs else None,
        is_created=is_created,
    )
    return replace(message, at=at, by_patient=False)


def _slot(
    work: Work,
    state: Slot,
    header: CommunicationRecord,
    message: CommunicationRecord,
    policy: Policy,
) -> Slot:
    """Give the thread's slot, or under daily that of its day.

    A policy that has changed concerns the next session: one that is no day's goes on until its end.
    """
    if policy.name != policies.DAILY:
        return state
    session = work.encounter(state.session) if state.open else None
    if session and session.policy != policies.DAILY:
        return state
    patient, at = opening.patient(header.resource), instants.read(message.at)
    return work.slot(attaching.day_key(policy, message.place.thread, patient, at))


def _linked(work: Work, message: CommunicationRecord) -> CommunicationRecord:
    """Write the session on the message itself, where the deployment links so."""
    if settings().message_linking != "message" or not message.session:
        return message
    if "encounter" in message.resource:
        return message
    link = {"reference": f"Encounter/{message.session}"}
    return versions.of_communication(work, message, message.resource | {"encounter": link})


def _attach_again(work: Work, header: CommunicationRecord, slot: Slot, policy: Policy) -> None:
    """Attach the session that the header, or the day, still names and that was reopened."""
    named = slot.session if slot.key.day else kinds.linked(header.resource)
    session = work.encounter(named) if named else None
    if session is None or not attaching.takes_messages(session):
        return
    if not attaching.has_room(session, slot):
        return
    if slot.key.day:
        attaching.attach_day(work, slot, session, header.id, policy)
    else:
        attaching.attach(work, slot, session)


def _without_open_session(
    work: Work, arrival: _Arrival, own: EncounterRecord | None
) -> CommunicationRecord:
    message, header, slot, policy = arrival
    named = work.encounter(slot.session) if slot.session else None
    if named and named.resource.get("status") == closing.FINISHED:
        return _amend_day(work, arrival, named)
    if own and not kinds.linked(header.resource) and attaching.takes_messages(own):
        return links.join_own(work, message, slot, own)
    if policy.name == EXPLICIT:
        return _wait(work, message, slot)
    _first(work, header, lambda step: openings.open_before(step, header, message.at, slot, policy))
    session_id = openings.open_for(work, header, message, slot, policy)
    return replace(message, session=session_id)


def _wait(work: Work, message: CommunicationRecord, slot: Slot) -> CommunicationRecord:
    """Leave a message without a session until a link adopts it; a day's slot keeps none such."""
    if slot.key.day:
        work.require(slot)
        return message
    work.save(openings.arrived(work, slot, message))
    return replace(message, epoch=slot.epoch)


def _join(work: Work, arrival: _Arrival) -> CommunicationRecord:
    """Join the session that is open."""
    message, header, slot, _ = arrival
    if not slot.figures.first or message.at < slot.figures.first:
        session = work.encounter(slot.session)
        if session is None:
            raise AssertionError("an open slot names a session")
        attaching.begun_earlier(work, session, message.at)
    if slot.key.day:
        _reach(work, arrival)
    elif not slot.low or message.place.sort < slot.low:
        attaching.widen(work, slot.session, message.place)
    _make(work, header, lambda step: patients.join(step, slot, header, message.resource))
    work.save(openings.arrived(work, slot, message))
    return replace(message, session=slot.session)


def _reach(work: Work, arrival: _Arrival) -> None:
    """Let the day's session know this thread, and the header point to the latest day's."""
    message, header, slot, policy = arrival
    low, high = policies.day_keys(slot.key.day, policy.zone)
    points_here = kinds.linked(header.resource) == slot.session
    is_within = low <= message.place.sort <= high and slots.knows(slot, header.last_updated)
    if not points_here or not is_within:
        key = message.place.sort
        attaching.reach_day(work, slot.session, header.id, slot.key.day, policy=policy, key=key)
    if not points_here and header.day < slot.key.day:
        _make(work, header, lambda step: openings.point(step, header, slot.session, slot.key.day))


def _amend_day(work: Work, arrival: _Arrival, session: EncounterRecord) -> CommunicationRecord:
    """Take a late message into its own day's session, which stays finished."""
    message, _, slot, policy = arrival
    work.save(slots.noticed(slot))
    thread, key = message.place.thread, message.place.sort
    attaching.reach_day(work, session.id, thread, slot.key.day, policy=policy, key=key)
    amending.extend(work, session, message)
    return replace(message, session=session.id)


def _make(work: Work, header: CommunicationRecord, change: Callable[[Work], object]) -> None:
    """Make what a message leads to: in its own transaction, or in one before where that is full."""
    _first(work, header, change)
    change(work)


def _first(work: Work, header: CommunicationRecord, change: Callable[[Work], object]) -> None:
    """Make what a message leads to in a transaction before its own, where both do not fit one.

    The message starts over then and finds it done: a session that is open, a patient who is there.
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
