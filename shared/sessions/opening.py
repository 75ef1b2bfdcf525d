"""Opening a session for a message, in the message's own transaction."""

from dataclasses import replace
from typing import Any

from shared.audit.work import Work
from shared.fhir import ulids
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, new_session, policies, transitions
from shared.rules.policies import DAILY, Policy
from shared.rules.state import Slot
from shared.sessions import attaching, closing
from shared.settings import settings
from shared.store import versions
from shared.store.index.rows import room
from shared.store.records import CommunicationRecord, EncounterRecord

type Resource = dict[str, Any]


def open_for(
    work: Work,
    header: CommunicationRecord,
    message: CommunicationRecord,
    slot: Slot,
    policy: Policy,
) -> str:
    """Save the session that a message opens, its slot and the header's link. Return its id.

    If the message's local day is over, the session is created finished and the header keeps its
    link.
    """
    session = _save_session(work, header, message.resource, message.at, policy)
    day, key = slot.key.day, message.place.sort
    if day and day < policies.day_of(work.now, policy.zone):
        work.save(transitions.named(slot, session.id))
        attaching.reach_day(work, session.id, header.id, day, policy=policy, key=key)
        day_session = replace(session, policy=DAILY, home=str(slot.key))
        work.save(day_session)
        closing.finish_with(work, day_session, message)
        return session.id
    _begin(work, header, session, slot, policy)
    if day:
        attaching.reach_day(work, session.id, header.id, day, policy=policy, key=key)
    else:
        span = work.span(session.id, header.id)
        work.save(transitions.span_widened(span, session.id, header.id, key))
    work.save(arrived(work, work.slot(slot.key), message))
    return session.id


def open_before(
    work: Work, header: CommunicationRecord, at: str, slot: Slot, policy: Policy
) -> None:
    """Save a session in a transaction before its message's, where both do not fit one.

    The message then finds the session open. The session is built from the header alone, and
    becomes entered-in-error if it ends without a message.
    """
    session = _save_session(work, header, {}, at, policy)
    _begin(work, header, session, slot, policy)


def _begin(
    work: Work, header: CommunicationRecord, session: EncounterRecord, slot: Slot, policy: Policy
) -> None:
    """Attach the slot to its new session, and link the header unless it names a later day's."""
    if slot.key.day:
        attaching.attach_day(work, slot, session, header.id, policy)
    else:
        attaching.attach(work, slot, session)
    if not slot.key.day or header.day < slot.key.day:
        point(work, header, session.id, slot.key.day)


def arrived(work: Work, slot: Slot, message: CommunicationRecord) -> Slot:
    """Return the slot after a message that joins its session, or waits in it for a link."""
    return transitions.arrived(
        slot,
        at=message.at,
        key="" if slot.key.day else message.place.sort,
        sender=classification.sender(message.resource),
        received=work.instant,
    )


def _save_session(
    work: Work, header: CommunicationRecord, message: Resource, at: str, policy: Policy
) -> EncounterRecord:
    """Save a session's Encounter, and a medical encounter for each patient if several."""
    system, session_id = settings().encounter_type_system, ulids.new(work.milliseconds)
    resource = new_session.session(session_id, header.resource, message, at, system)
    resource = _with_room(resource, work.instant)
    unborn = versions.unborn_encounter(work, session_id)
    filled = frozenset({"start"} | ({"participant"} & resource.keys()))
    # The server creates this session, even if a patient sent the message that opens it.
    state = {"by_server": True, "patient_made": False, "filled": filled}
    session = versions.of_encounter(work, unborn, resource, **state)
    session = attaching.stamped(session, work, policy)
    work.save(session)
    subjects = new_session.subjects(header.resource, message)
    for subject in subjects if len(subjects) > 1 else ():
        save_medical_encounter(work, session, subject)
    return session


def _with_room(session: Resource, instant: str) -> Resource:
    """Drop the participants that exceed the limit of index rows, of which a subject may need one.

    The subject may be added later, so its row is kept free if there is none yet.
    """
    free = room(session | {"meta": {"lastUpdated": instant}}) - ("subject" not in session)
    participants = session.get("participant", [])
    return session | {"participant": participants[:free]} if free < 0 else session


def save_medical_encounter(work: Work, session: EncounterRecord, subject: dict[str, object]) -> str:
    """Save one patient's medical encounter in a session. Return its id."""
    own_id = ulids.new(work.milliseconds)
    start = session.resource.get("period", {}).get("start", "")
    system = settings().encounter_type_system
    child = new_session.medical_encounter(own_id, session.id, subject, start, system)
    unborn = versions.unborn_encounter(work, own_id)
    record = versions.of_encounter(work, unborn, child, patient_made=session.patient_made)
    record = attaching.stamped(record, work)
    work.save(replace(record, due=attaching.look(record, None)))
    return own_id


def point(work: Work, header: CommunicationRecord, session_id: str, day: str) -> None:
    """Save a header with a link to the session that its messages join."""
    link = {"reference": f"Encounter/{session_id}"}
    linked = without_generated_text(header.resource, header.resource | {"encounter": link})
    work.save(versions.of_communication(work, header, linked, day=day, plain=False))
