"""Opening a session for a message, in the message's own transaction."""

from typing import NamedTuple

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import references, ulids
from shared.fhir.fhirjson import Resource
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, new_session, people, transitions
from shared.rules.policies import Policy
from shared.rules.state import Slot
from shared.sessions import attaching, changes, closing, due_dates, policy_lookup
from shared.settings import settings
from shared.store import versions
from shared.store.records import CommunicationRecord, EncounterRecord, with_changes


class Arrival(NamedTuple):
    """A message, the header of its thread, the slot that it meets, and the policy of its thread."""

    message: CommunicationRecord
    header: CommunicationRecord
    slot: Slot
    policy: Policy


def open_session(
    work: AuditedUnitOfWork, arrival: Arrival, *, links_header: bool
) -> CommunicationRecord:
    """Save a session that a message opens, and its slot. Return the message with it."""
    _open_in_advance(work, arrival, links_header=links_header)
    message, header, slot, _ = arrival
    key = message.place.sort
    session = _save_session(work, arrival, message.resource)
    _begin(work, arrival, session, key, links_header=links_header)
    if not slot.key.day:
        attaching.widen_span(work, session.id, header.id, key)
    work.save(slot_with_arrival(work, work.slot(slot.key), message))
    return with_changes(message, session=session.id)


def create_finished_session(work: AuditedUnitOfWork, arrival: Arrival) -> CommunicationRecord:
    """Save the session of a day that is over, finished from the start. Return the message."""
    _open_in_advance(work, arrival, links_header=False)
    message, header, slot, policy = arrival
    session = _save_session(work, arrival, message.resource)
    work.save(transitions.slot_naming_session(slot, session.id))
    key = message.place.sort
    attaching.widen_span_to_day(work, session.id, header.id, slot, policy, key)
    figures = closing.figures_of_messages([message])
    session = with_changes(session, home=str(slot.key), figures=figures)
    closing.close(work, session, session.resource | {"status": classification.FINISHED})
    return with_changes(message, session=session.id)


def _open_in_advance(work: AuditedUnitOfWork, arrival: Arrival, *, links_header: bool) -> None:
    """Save a session for a message that does not fit this transaction, and will find it open.

    Nobody has written in it yet: it is made from the header alone, and void if it ends like that.
    """

    def open_first(step: AuditedUnitOfWork) -> None:
        _begin(step, arrival, _save_session(step, arrival, {}), links_header=links_header)

    changes.make_in_advance(work, arrival.header, open_first)


def _begin(
    work: AuditedUnitOfWork,
    arrival: Arrival,
    session: EncounterRecord,
    *keys: str,
    links_header: bool,
) -> None:
    """Attach the slot to its new session, and link the header to it."""
    _, header, slot, policy = arrival
    attaching.attach_slot(work, slot, session, header.id, policy, *keys)
    if links_header:
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


def _save_session(work: AuditedUnitOfWork, arrival: Arrival, message: Resource) -> EncounterRecord:
    """Save the Encounter of a session, and one for each patient if there are several."""
    header, system = arrival.header.resource, settings().encounter_type_system
    session_id = ulids.new(work.milliseconds)
    resource = new_session.session(session_id, header, message, arrival.message.at, system)
    resource = _with_room(resource, work.instant)
    unborn = versions.blank_encounter(work, session_id)
    filled = frozenset({"start"} | ({"participant"} & resource.keys()))
    # The server creates this session, even if a patient sent the message that opens it.
    state = {"by_server": True, "patient_made": False, "filled": filled}
    session = versions.next_encounter(work, unborn, resource, **state)
    session = work.save(policy_lookup.with_opening_policy(session, work, arrival.policy))
    subjects = people.subjects(header, message)
    for subject in subjects if len(subjects) > 1 else ():
        save_medical_encounter(work, session, subject)
    return session


def _with_room(session: Resource, instant: str) -> Resource:
    """Drop the participants that exceed the limit of index rows, of which a subject may need one.

    The subject may be added later, so its row is kept free if there is none yet.
    """
    free = closing.participant_capacity(session, instant) - ("subject" not in session)
    return session | {"participant": session["participant"][:free]} if free < 0 else session


def save_medical_encounter(
    work: AuditedUnitOfWork, session: EncounterRecord, subject: Resource
) -> EncounterRecord:
    """Save a patient's medical encounter in a session. Return it."""
    own_id = ulids.new(work.milliseconds)
    start = session.resource.get("period", {}).get("start", "")
    system = settings().encounter_type_system
    child = new_session.medical_encounter(own_id, session.id, subject, start, system)
    unborn = versions.blank_encounter(work, own_id)
    record = versions.next_encounter(work, unborn, child, patient_made=session.patient_made)
    record = policy_lookup.with_opening_policy(record, work)
    return work.save(with_changes(record, due=due_dates.first_due(record)))


def link_header(
    work: AuditedUnitOfWork, header: CommunicationRecord, session_id: str, day: str
) -> None:
    """Link a header to the session that its messages join."""
    linked = header.resource | {"encounter": references.to("Encounter", session_id)}
    linked = without_generated_text(header.resource, linked)
    work.save(versions.next_communication(work, header, linked, day=day, plain=False))
