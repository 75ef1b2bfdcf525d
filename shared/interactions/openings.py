"""Opening a session for a message, in the message's own transaction."""

from dataclasses import replace
from typing import Any

from shared import ulids
from shared.index.rows import room
from shared.interactions import attaching, closing, versions
from shared.resources.patching import without_generated_text
from shared.sessions import kinds, opening, policies, slots
from shared.sessions.policies import DAILY, Policy
from shared.sessions.state import Slot
from shared.settings import settings
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.work import Work

type Resource = dict[str, Any]


def open_for(
    work: Work,
    header: CommunicationRecord,
    message: CommunicationRecord,
    slot: Slot,
    policy: Policy,
) -> str:
    """Save a session that a message opens, its slot and the header's link; give its id.

    A message of a day that is over makes one that is finished already, and leaves the header.
    """
    session = _save_session(work, header, message.resource, message.at, policy)
    day, key = slot.key.day, message.place.sort
    if day and day < policies.day_of(work.now, policy.zone):
        work.save(slots.named(slot, session.id))
        attaching.reach_day(work, session.id, header.id, day, policy=policy, key=key)
        homed = replace(session, policy=DAILY, home=str(slot.key))
        work.save(homed)
        closing.finish_with(work, homed, message)
        return session.id
    _begin(work, header, session, slot, policy)
    if day:
        attaching.reach_day(work, session.id, header.id, day, policy=policy, key=key)
    else:
        span = work.span(session.id, header.id)
        work.save(slots.span_widened(span, session.id, header.id, key))
    work.save(arrived(work, work.slot(slot.key), message))
    return session.id


def open_before(
    work: Work, header: CommunicationRecord, at: str, slot: Slot, policy: Policy
) -> None:
    """Save a session for a message that does not fit this transaction, and finds it open.

    Nobody has said anything in it yet: it is as the header alone says, and void if it ends so.
    """
    session = _save_session(work, header, {}, at, policy)
    _begin(work, header, session, slot, policy)


def _begin(
    work: Work, header: CommunicationRecord, session: EncounterRecord, slot: Slot, policy: Policy
) -> None:
    """Attach the slot to its new session, and point the header to it."""
    if slot.key.day:
        attaching.attach_day(work, slot, session, header.id, policy)
    else:
        attaching.attach(work, slot, session)
    if not slot.key.day or header.day < slot.key.day:
        point(work, header, session.id, slot.key.day)


def arrived(work: Work, slot: Slot, message: CommunicationRecord) -> Slot:
    """Give a slot with a message that joins its session, or waits in it for a link."""
    return slots.arrived(
        slot,
        at=message.at,
        key="" if slot.key.day else message.place.sort,
        sender=kinds.sender(message.resource),
        received=work.instant,
    )


def _save_session(
    work: Work, header: CommunicationRecord, message: Resource, at: str, policy: Policy
) -> EncounterRecord:
    """Save the Encounter of a session, and one for each patient where there are several."""
    system, session_id = settings().encounter_type_system, ulids.new(work.milliseconds)
    resource = opening.session(session_id, header.resource, message, at, system)
    resource = _with_room(resource, work.instant)
    unborn = versions.unborn_encounter(work, session_id)
    filled = frozenset({"start"} | ({"participant"} & resource.keys()))
    # A message opens it: the server creates it, whoever sent that.
    state = {"by_server": True, "patient_made": False, "filled": filled}
    session = versions.of_encounter(work, unborn, resource, **state)
    session = attaching.stamped(session, work, policy)
    work.save(session)
    about = opening.subjects(header.resource, message)
    for subject in about if len(about) > 1 else ():
        save_medical_encounter(work, session, subject)
    return session


def _with_room(session: Resource, instant: str) -> Resource:
    """Leave out participants beyond what searches find a session by; a subject may come later."""
    free = room(session | {"meta": {"lastUpdated": instant}}) - ("subject" not in session)
    people = session.get("participant", [])
    return session | {"participant": people[:free]} if free < 0 else session


def save_medical_encounter(work: Work, session: EncounterRecord, subject: dict[str, object]) -> str:
    """Save one patient's Encounter in a session; give its id."""
    own_id = ulids.new(work.milliseconds)
    start = session.resource.get("period", {}).get("start", "")
    system = settings().encounter_type_system
    child = opening.medical_encounter(own_id, session.id, subject, start, system)
    unborn = versions.unborn_encounter(work, own_id)
    record = versions.of_encounter(work, unborn, child, patient_made=session.patient_made)
    record = attaching.stamped(record, work)
    work.save(replace(record, due=attaching.look(record, None)))
    return own_id


def point(work: Work, header: CommunicationRecord, session_id: str, day: str) -> None:
    """Let a header point to the session its messages join."""
    link = {"reference": f"Encounter/{session_id}"}
    linked = without_generated_text(header.resource, header.resource | {"encounter": link})
    work.save(versions.of_communication(work, header, linked, day=day, plain=False))
