"""Reading what decides about a message that counts for the first time, and applying that."""

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import instants
from shared.rules import arrival as arrival_rules
from shared.rules import classification, people, times
from shared.rules import linking as linking_rules
from shared.rules.arrival import (
    AmendDaySession,
    ArrivingMessage,
    CreateFinishedSession,
    Decision,
    JoinOwnSession,
    JoinSession,
    OpenSession,
    ReattachSession,
    ThreadHeader,
    WaitForLink,
)
from shared.rules.classification import NamedEncounter
from shared.rules.policies import Policy, behaviour
from shared.rules.state import Slot, SlotKey
from shared.sessions import attaching, joining, opening, policy_lookup
from shared.sessions.opening import Arrival
from shared.settings import settings
from shared.store import versions
from shared.store.records import CommunicationRecord, with_changes


def assign_session(
    work: AuditedUnitOfWork, message: CommunicationRecord, *, is_created: bool
) -> CommunicationRecord:
    """Return a message that counts for the first time with its *at* and its session or epoch.

    The thread's state is read before the header, and both before the day's slot and the session.
    The transaction fails if another writer changes one of them meanwhile.
    """
    state = work.slot(SlotKey(message.place.thread))
    header = work.communication(message.place.thread)
    if header is None:
        raise AssertionError("a message has a header")
    policy = policy_lookup.policy_of(header)
    message = _dated(work, message, policy, is_created=is_created)
    slot = _arrival_slot(work, state, header, message, policy)
    if slot.key.day:
        work.require_unchanged(state)
    return _linked(work, _applied(work, Arrival(message, header, slot, policy)))


def _dated(
    work: AuditedUnitOfWork, message: CommunicationRecord, policy: Policy, *, is_created: bool
) -> CommunicationRecord:
    """Return a message with its *at*.

    A patient's or related person's `sent` is believed only within the deployment's tolerance.
    """
    is_from_patient = message.by_patient or work.caller.is_patient_or_relative
    at = times.message_instant(
        message.resource,
        work.now,
        policy.zone,
        tolerance_hours=settings().sent_tolerance_hours if is_from_patient else None,
        is_created=is_created,
    )
    return with_changes(message, at=at, by_patient=False)


def _arrival_slot(
    work: AuditedUnitOfWork,
    state: Slot,
    header: CommunicationRecord,
    message: CommunicationRecord,
    policy: Policy,
) -> Slot:
    """Return the slot that a message meets: the thread's, or under daily that of its day.

    A changed policy applies to the next session: while the thread's session was opened under
    another policy and is open, messages go on joining it.
    """
    if policy.by_day and state.open:
        session = work.encounter(state.session)
        if session and not behaviour(session.policy).by_day:
            return state
    patient, at = people.patient_reference(header.resource), instants.from_text(message.at)
    return work.slot(policy.slot_key(message.place.thread, patient, at))


def _linked(work: AuditedUnitOfWork, message: CommunicationRecord) -> CommunicationRecord:
    """Return a message with a link to its session, if the deployment links messages."""
    if settings().message_linking != "message":
        return message
    linked = linking_rules.with_session_link(message.resource, message.session)
    return versions.next_communication(work, message, linked)


def _applied(work: AuditedUnitOfWork, arrival: Arrival) -> CommunicationRecord:
    """Return a message with what was decided about it; its session and slot are saved."""
    match _decided(work, arrival):
        case JoinSession() as how:
            message = joining.join_session(work, arrival, how)
        case ReattachSession(session_id):
            _, header, slot, policy = arrival
            session = joining.existing_session(work, session_id)
            attaching.attach_slot(work, slot, session, header.id, policy)
            message = _applied(work, arrival._replace(slot=work.slot(slot.key)))
        case JoinOwnSession(session_id):
            message = joining.join_own_session(
                work, arrival, joining.existing_session(work, session_id)
            )
        case AmendDaySession(session_id):
            message = joining.amend_day_session(
                work, arrival, joining.existing_session(work, session_id)
            )
        case OpenSession(links_header):
            message = opening.open_session(work, arrival, links_header=links_header)
        case CreateFinishedSession():
            message = opening.create_finished_session(work, arrival)
        case WaitForLink():
            message = joining.wait_for_link(work, arrival)
    return message


def _decided(work: AuditedUnitOfWork, arrival: Arrival) -> Decision:
    message, header, slot, policy = arrival
    own_id = classification.encounter_id(message.resource)
    return arrival_rules.decide(
        ArrivingMessage(
            at=message.at,
            key=message.place.sort,
            own_encounter=attaching.named_encounter(work, own_id, slot),
        ),
        ThreadHeader(
            encounter_id=classification.encounter_id(header.resource),
            links_plain_record=header.plain,
            day=header.day,
            last_updated=header.last_updated,
        ),
        slot,
        policy,
        work.now,
        previous=_previous(work, header, slot),
        had_session=attaching.had_session_check(work, header.id),
    )


def _previous(
    work: AuditedUnitOfWork, header: CommunicationRecord, slot: Slot
) -> NamedEncounter | None:
    """Return the Encounter that a slot without an open session, or else its header, still names."""
    if slot.open or header.plain:
        return None
    named_id = slot.session if slot.key.day else classification.encounter_id(header.resource)
    return attaching.named_encounter(work, named_id, slot)
