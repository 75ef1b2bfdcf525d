"""Assigning a message that counts for the first time to the session that it joins or opens."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from shared.audit.work import Work
from shared.fhir import instants
from shared.rules import classification, new_session, policies, times, transitions
from shared.rules.policies import EXPLICIT, Policy
from shared.rules.state import Slot, SlotKey
from shared.sessions import amending, attaching, closing, deployment, linking, opening, patients
from shared.settings import settings
from shared.store import versions
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.transactions import Stale, TooManyItems


class _Arrival(NamedTuple):
    """A message, its thread's header, the slot that it arrives in, and the policy in force."""

    message: CommunicationRecord
    header: CommunicationRecord
    slot: Slot
    policy: Policy


def arrive(work: Work, message: CommunicationRecord, *, is_created: bool) -> CommunicationRecord:
    """Return a message that counts for the first time with its *at* and its session or epoch.

    The thread's state is read before the header, and both before the day's slot and the session.
    The transaction fails if another writer changes one of them meanwhile.
    """
    state = work.slot(SlotKey(message.place.thread))
    header = work.communication(message.place.thread)
    if header is None:
        raise AssertionError("a message has a header")
    policy = deployment.policy_of(header)
    message = _dated(work, message, policy, is_created=is_created)
    slot = _arrival_slot(work, state, header, message, policy)
    if slot.key.day:
        work.require(state)
    own = linking.own_session(work, message, policy)
    if header.plain and not slot.open:
        return _wait(work, message, slot)
    if not slot.open:
        _attach_again(work, header, slot, policy)
        slot = work.slot(slot.key)
    arrival = _Arrival(message, header, slot, policy)
    if slot.open:
        linking.check_own(work, message, slot, own)
        return _linked(work, _join(work, arrival))
    return _linked(work, _without_open_session(work, arrival, own))


def _dated(
    work: Work, message: CommunicationRecord, policy: Policy, *, is_created: bool
) -> CommunicationRecord:
    """Return a message with its *at*.

    A patient's or related person's `sent` is believed only within the deployment's tolerance.
    """
    is_from_patient = message.by_patient or work.actor.is_cared_for
    at = times.at(
        message.resource,
        work.now,
        policy.zone,
        tolerance_hours=settings().sent_tolerance_hours if is_from_patient else None,
        is_created=is_created,
    )
    return replace(message, at=at, by_patient=False)


def _arrival_slot(
    work: Work,
    state: Slot,
    header: CommunicationRecord,
    message: CommunicationRecord,
    policy: Policy,
) -> Slot:
    """Return the thread's slot, or under `daily` the slot of the message's day.

    A changed policy applies to the next session: while the thread's session was opened under
    another policy and is open, messages go on joining it.
    """
    if policy.name != policies.DAILY:
        return state
    session = work.encounter(state.session) if state.open else None
    if session and session.policy != policies.DAILY:
        return state
    patient, at = new_session.patient(header.resource), instants.read(message.at)
    return work.slot(attaching.day_key(policy, message.place.thread, patient, at))


def _linked(work: Work, message: CommunicationRecord) -> CommunicationRecord:
    """Return the message with its session as `encounter`, if the deployment links messages."""
    if settings().message_linking != "message" or not message.session:
        return message
    if "encounter" in message.resource:
        return message
    link = {"reference": f"Encounter/{message.session}"}
    return versions.of_communication(work, message, message.resource | {"encounter": link})


def _attach_again(work: Work, header: CommunicationRecord, slot: Slot, policy: Policy) -> None:
    """Attach a reopened session that the header, or the day's slot, still names."""
    session_id = slot.session if slot.key.day else classification.linked(header.resource)
    session = work.encounter(session_id) if session_id else None
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
    session = work.encounter(slot.session) if slot.session else None
    if session and session.resource.get("status") == closing.FINISHED:
        return _amend_day(work, arrival, session)
    if own and not classification.linked(header.resource) and attaching.takes_messages(own):
        return linking.join_own(work, message, slot, own)
    if policy.name == EXPLICIT:
        return _wait(work, message, slot)
    _apply_before(
        work, header, lambda step: opening.open_before(step, header, message.at, slot, policy)
    )
    session_id = opening.open_for(work, header, message, slot, policy)
    return replace(message, session=session_id)


def _wait(work: Work, message: CommunicationRecord, slot: Slot) -> CommunicationRecord:
    """Leave a message without a session until a link adopts it.

    Only a thread's slot remembers waiting messages; under `daily` no link adopts.
    """
    if slot.key.day:
        work.require(slot)
        return message
    work.save(opening.arrived(work, slot, message))
    return replace(message, epoch=slot.epoch)


def _join(work: Work, arrival: _Arrival) -> CommunicationRecord:
    """Add a message to the open session that its slot names."""
    message, header, slot, _ = arrival
    if not slot.figures.first or message.at < slot.figures.first:
        session = work.encounter(slot.session)
        if session is None:
            raise AssertionError("an open slot names a session")
        attaching.begun_earlier(work, session, message.at)
    if slot.key.day:
        _reach_day(work, arrival)
    elif not slot.low or message.place.sort < slot.low:
        attaching.widen(work, slot.session, message.place)
    _apply(work, header, lambda step: patients.join(step, slot, header, message.resource))
    work.save(opening.arrived(work, slot, message))
    return replace(message, session=slot.session)


def _reach_day(work: Work, arrival: _Arrival) -> None:
    """Add the thread to the day's session, and link the header to that of its latest day."""
    message, header, slot, policy = arrival
    low, high = policies.day_keys(slot.key.day, policy.zone)
    points_here = classification.linked(header.resource) == slot.session
    is_within = low <= message.place.sort <= high and transitions.knows(slot, header.last_updated)
    if not points_here or not is_within:
        key = message.place.sort
        attaching.reach_day(work, slot.session, header.id, slot.key.day, policy=policy, key=key)
    if not points_here and header.day < slot.key.day:
        _apply(work, header, lambda step: opening.point(step, header, slot.session, slot.key.day))


def _amend_day(work: Work, arrival: _Arrival, session: EncounterRecord) -> CommunicationRecord:
    """Add a late message to its own day's session, which stays finished."""
    message, _, slot, policy = arrival
    work.save(transitions.noticed(slot))
    thread, key = message.place.thread, message.place.sort
    attaching.reach_day(work, session.id, thread, slot.key.day, policy=policy, key=key)
    amending.extend(work, session, message)
    return replace(message, session=session.id)


def _apply(work: Work, header: CommunicationRecord, change: Callable[[Work], object]) -> None:
    """Make a change that a message entails: in its transaction, or before if both do not fit."""
    _apply_before(work, header, change)
    change(work)


def _apply_before(
    work: Work, header: CommunicationRecord, change: Callable[[Work], object]
) -> None:
    """Commit a change that a message entails before the message, where both do not fit.

    Raises Stale if there was something to commit. The message then starts over and finds the
    session open, or its patient added. Raises TooManyItems where the change cannot go first.
    """
    if not work.in_steps:
        return
    before = work.before()
    if before.communication(header.id) != header:
        # This work writes the header, too, so the change must not be committed without it.
        raise TooManyItems
    change(before)
    if before.commit("open"):
        raise Stale
