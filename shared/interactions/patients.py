"""The patients of a session: one as its subject, several in a medical encounter each."""

from typing import Any

from shared import references
from shared.access import compartments
from shared.errors import BusinessRule
from shared.interactions import openings, versions
from shared.resources.patching import without_generated_text
from shared.sessions import kinds, opening, slots
from shared.sessions.state import Slot
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.transactions import Stale
from shared.store.work import Work

type Resource = dict[str, Any]


def join(work: Work, slot: Slot, header: CommunicationRecord, message: Resource) -> None:
    """Add whom a message and its header are about to a session of ours that they join."""
    if _is_known(slot, header, message):
        return
    session = work.encounter(slot.session)
    if session and not kinds.is_open(session.resource):
        # It has ended since its slot was read: the message goes elsewhere.
        raise Stale
    if session is None or not session.by_server:
        return
    for about in (header.resource, message):
        if opening.patient(about):
            add(work, work.encounter(session.id) or session, about["subject"])


def _is_known(slot: Slot, header: CommunicationRecord, message: Resource) -> bool:
    """Tell without reading a session that it has a message's patient, from an earlier message."""
    is_headers = opening.patient(message) in ("", opening.patient(header.resource))
    return is_headers and slots.knows(slot, header.last_updated)


def check_known(work: Work, thread: str, before: Resource, after: Resource) -> None:
    """Let a patient or related person write about a patient of the thread only.

    In a thread about a patient of theirs they may write about the others, too: about siblings.
    Raises BusinessRule about any other.
    """
    patient, theirs = _about(after), work.actor.patients
    if not work.actor.is_cared_for or patient in ("", _about(before)):
        return
    header = work.communication(thread)
    about = _about(header.resource) if header else ""
    if patient == about or (patient in theirs and about in {"", *theirs}):
        return
    seen = (each.resource for each in work.messages(thread) if work.sight.sees(each.resource))
    if not any(patient == _about(each) for each in seen):
        raise BusinessRule(f"The thread is not about {patient}", expression="Communication.subject")


def _about(communication: Resource) -> str:
    """Return the reference of the Patient, here or elsewhere, in whose compartment a message is."""
    name = references.canonical(communication.get("subject", {}).get("reference", ""))
    return name if compartments.is_a("Patient", name) else ""


def add(work: Work, session: EncounterRecord, subject: Resource) -> None:
    """Add a patient to an open session; one who is there already is left as is.

    A session of one patient loses its subject, and all but what everybody may see moves to the
    medical encounter of that patient. Raises BusinessRule where the session is not open.
    """
    if not kinds.is_open(session.resource):
        status = session.resource.get("status")
        raise BusinessRule(
            f"Encounter/{session.id} is {status}",
            expression="Encounter.status",
            diagnostics="Patients are added to an open session only",
        )
    own = session.resource.get("subject")
    known = {_patient(child.resource.get("subject")) for child in work.children(session.id)}
    if _patient(subject) in known | {_patient(own)}:
        return
    if own is None and not known:
        _save(work, session, session.resource | {"subject": subject})
        return
    if own is not None and not _is_group(own):
        session = _split(work, session, own)
    openings.save_medical_encounter(work, session, subject)
    work.save(work.encounter(session.id) or session)


def _is_group(subject: Any) -> bool:
    """Tell whether a subject is a Group, which stays on the session: who is in it is not known."""
    target = references.target(subject)
    return target is not None and target.type == "Group"


def _patient(subject: Any) -> str:
    """Give whom a subject names: relative and absolute references here are the same."""
    return str(references.target(subject) or "")


def _split(work: Work, session: EncounterRecord, own: Resource) -> EncounterRecord:
    """Move the patient that a session names, and what is theirs, to a medical encounter."""
    # Few messages bring another patient, and deletions none.
    from shared.interactions.accepted import accepted  # noqa: PLC0415
    from shared.sessions import splitting  # noqa: PLC0415

    kept, moved = splitting.split(session.resource)
    child_id = openings.save_medical_encounter(work, session, own)
    child = work.encounter(child_id)
    if child and moved:
        types = [*child.resource["type"], *moved.get("type", ())]
        theirs = accepted(child.resource | moved | {"type": types}, "Encounter")
        work.save(versions.of_encounter(work, child, theirs))
    return _save(work, session, accepted(kept, "Encounter"))


def _save(work: Work, session: EncounterRecord, after: Resource) -> EncounterRecord:
    saved = versions.of_encounter(work, session, without_generated_text(session.resource, after))
    work.save(saved)
    return saved
