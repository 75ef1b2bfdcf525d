"""Opening a session for a message, in the message's own transaction."""

from dataclasses import replace
from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import ulids
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, new_session, transitions
from shared.rules.policies import Policy
from shared.rules.state import Slot
from shared.sessions import attaching, closing, due_dates
from shared.settings import settings
from shared.store import versions
from shared.store.index.rows import free_value_count
from shared.store.records import CommunicationRecord, EncounterRecord

type Resource = dict[str, Any]


def open_with_message(
    work: AuditedUnitOfWork,
    header: CommunicationRecord,
    message: CommunicationRecord,
    slot: Slot,
    policy: Policy,
    *,
    points: bool,
) -> str:
    """Save a session that a message opens, and its slot. Return its id.

    `points` says whether the header is linked to it.
    """
    session = _save_session(work, header, message.resource, message.at, policy)
    key = message.place.sort
    _begin(work, header, session, slot, policy, points=points, key=key)
    if not slot.key.day:
        span = work.span(session.id, header.id)
        work.save(transitions.widened_span(span, session.id, header.id, key))
    work.save(slot_with_arrival(work, work.slot(slot.key), message))
    return session.id


def create_finished_session(
    work: AuditedUnitOfWork,
    header: CommunicationRecord,
    message: CommunicationRecord,
    slot: Slot,
    policy: Policy,
) -> str:
    """Save the session of a day that is over, finished from the start. Return its id."""
    session = _save_session(work, header, message.resource, message.at, policy)
    day, key = slot.key.day, message.place.sort
    work.save(transitions.slot_naming_session(slot, session.id))
    attaching.widen_span_to_day(work, session.id, header.id, day, policy=policy, key=key)
    homed = replace(session, home=str(slot.key))
    work.save(homed)
    closing.finish_with_message(work, homed, message)
    return session.id


def open_in_advance(
    work: AuditedUnitOfWork,
    header: CommunicationRecord,
    at: str,
    slot: Slot,
    policy: Policy,
    *,
    points: bool,
) -> None:
    """Save a session for a message that does not fit this transaction, and will find it open.

    Nobody has written in it yet: it is made from the header alone, and void if it ends like that.
    """
    session = _save_session(work, header, {}, at, policy)
    _begin(work, header, session, slot, policy, points=points)


def _begin(
    work: AuditedUnitOfWork,
    header: CommunicationRecord,
    session: EncounterRecord,
    slot: Slot,
    policy: Policy,
    *,
    points: bool,
    key: str = "",
) -> None:
    """Attach the slot to its new session, and link the header to it."""
    if slot.key.day:
        attaching.attach_day(work, slot, session, header.id, policy, key=key)
    else:
        attaching.attach(work, slot, session)
    if points:
        link_header(work, header, session.id, slot.key.day)


def slot_with_arrival(work: AuditedUnitOfWork, slot: Slot, message: CommunicationRecord) -> Slot:
    """Return a slot with a message that joins its session, or waits in it for a link."""
    return transitions.slot_with_message(
        slot,
        at=message.at,
        key="" if slot.key.day else message.place.sort,
        sender=classification.sender_reference(message.resource),
        received=work.instant,
    )


def _save_session(
    work: AuditedUnitOfWork, header: CommunicationRecord, message: Resource, at: str, policy: Policy
) -> EncounterRecord:
    """Save the Encounter of a session, and one for each patient if there are several."""
    system, session_id = settings().encounter_type_system, ulids.new(work.milliseconds)
    resource = new_session.session(session_id, header.resource, message, at, system)
    resource = _with_room(resource, work.instant)
    unborn = versions.blank_encounter(work, session_id)
    filled = frozenset({"start"} | ({"participant"} & resource.keys()))
    # The server creates this session, even if a patient sent the message that opens it.
    state = {"by_server": True, "patient_made": False, "filled": filled}
    session = versions.next_encounter(work, unborn, resource, **state)
    session = attaching.with_opening_policy(session, work, policy)
    work.save(session)
    subjects = new_session.subjects(header.resource, message)
    for subject in subjects if len(subjects) > 1 else ():
        save_medical_encounter(work, session, subject)
    return session


def _with_room(session: Resource, instant: str) -> Resource:
    """Drop the participants that exceed the limit of index rows, of which a subject may need one.

    The subject may be added later, so its row is kept free if there is none yet.
    """
    free = free_value_count(session | {"meta": {"lastUpdated": instant}}) - (
        "subject" not in session
    )
    participants = session.get("participant", [])
    return session | {"participant": participants[:free]} if free < 0 else session


def save_medical_encounter(
    work: AuditedUnitOfWork, session: EncounterRecord, subject: dict[str, object]
) -> str:
    """Save a patient's medical encounter in a session. Return its id."""
    own_id = ulids.new(work.milliseconds)
    start = session.resource.get("period", {}).get("start", "")
    system = settings().encounter_type_system
    child = new_session.medical_encounter(own_id, session.id, subject, start, system)
    unborn = versions.blank_encounter(work, own_id)
    record = versions.next_encounter(work, unborn, child, patient_made=session.patient_made)
    record = attaching.with_opening_policy(record, work)
    work.save(replace(record, due=due_dates.first_due(record)))
    return own_id


def link_header(
    work: AuditedUnitOfWork, header: CommunicationRecord, session_id: str, day: str
) -> None:
    """Link a header to the session that its messages join."""
    link = {"reference": f"Encounter/{session_id}"}
    linked = without_generated_text(header.resource, header.resource | {"encounter": link})
    work.save(versions.next_communication(work, header, linked, day=day, plain=False))
