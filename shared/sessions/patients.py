"""The patients of a session: one is its subject, several have a medical encounter each."""

from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule
from shared.fhir import references
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, compartments, new_session, transitions
from shared.rules.state import Slot
from shared.sessions import opening
from shared.store import versions
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.transactions import Stale

type Resource = dict[str, Any]


def add_from_message(
    work: AuditedUnitOfWork, slot: Slot, header: CommunicationRecord, message: Resource
) -> None:
    """Add the patients of a message and its header to the session that the message joins.

    Only the server's own sessions are changed. Raises Stale if the session has ended meanwhile.
    """
    if _is_known(slot, header, message):
        return
    session = work.encounter(slot.session)
    if session and not classification.is_open(session.resource):
        # It has ended since its slot was read: the message must look for its session again.
        raise Stale
    if session is None or not session.by_server:
        return
    for communication in (header.resource, message):
        if new_session.patient_reference(communication):
            add(work, work.encounter(session.id) or session, communication["subject"])


def _is_known(slot: Slot, header: CommunicationRecord, message: Resource) -> bool:
    """Return whether a session surely has a message's patient, because of an earlier message.

    This spares reading the session.
    """
    has_headers_patient = new_session.patient_reference(message) in (
        "",
        new_session.patient_reference(header.resource),
    )
    return has_headers_patient and transitions.has_message_since(slot, header.last_updated)


def check_subject(work: AuditedUnitOfWork, thread: str, before: Resource, after: Resource) -> None:
    """Raise BusinessRule if a patient or related person writes about no patient of the thread.

    In a thread about one of their patients, or about none, they may also write about the others,
    such as siblings.
    """
    patient, own_patients = _about(after), work.caller.patients
    if not work.caller.is_patient_or_relative or patient in ("", _about(before)):
        return
    header = work.communication(thread)
    thread_patient = _about(header.resource) if header else ""
    if patient == thread_patient:
        return
    if patient in own_patients and thread_patient in {"", *own_patients}:
        return
    messages = (message.resource for message in work.messages(thread))
    visible = (message for message in messages if work.visibility.sees(message))
    if not any(patient == _about(message) for message in visible):
        raise BusinessRule(
            f"The thread is not about {patient}",
            expression="Communication.subject",
            diagnostics="Name a patient of the thread, or leave subject out",
        )


def _about(communication: Resource) -> str:
    """Return the reference of the Patient, here or elsewhere, in whose compartment a message is."""
    name = references.normalize(communication.get("subject", {}).get("reference", ""))
    return name if compartments.is_reference_to("Patient", name) else ""


def add(work: AuditedUnitOfWork, session: EncounterRecord, subject: Resource) -> None:
    """Add a patient to an open session, unless it has that patient already.

    A session of one patient loses its subject. Everything that not every patient of the session
    may see moves to that patient's medical encounter. Raises BusinessRule if the session is not
    open.
    """
    if not classification.is_open(session.resource):
        status = session.resource.get("status")
        raise BusinessRule(
            f"Encounter/{session.id} is {status}",
            expression="Encounter.status",
            diagnostics="Patients can be added to an open session only",
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
    opening.save_medical_encounter(work, session, subject)
    work.save(work.encounter(session.id) or session)


def _is_group(subject: Any) -> bool:
    """Return whether a subject is a Group. It stays on the session: its members are not known."""
    target = references.target(subject)
    return target is not None and target.type == "Group"


def _patient(subject: Any) -> str:
    """Return the reference of a subject in relative form, "" if it names nobody on this server."""
    return str(references.target(subject) or "")


def _split(work: AuditedUnitOfWork, session: EncounterRecord, own: Resource) -> EncounterRecord:
    """Move a session's own patient, and what concerns only them, to a medical encounter."""
    # Imported here because few messages bring another patient.
    from shared.rules import splitting  # noqa: PLC0415
    from shared.sessions.intake import validated_resource  # noqa: PLC0415

    kept, moved = splitting.split(session.resource)
    child_id = opening.save_medical_encounter(work, session, own)
    child = work.encounter(child_id)
    if child and moved:
        types = [*child.resource["type"], *moved.get("type", ())]
        resource = validated_resource(child.resource | moved | {"type": types}, "Encounter")
        work.save(versions.next_encounter(work, child, resource))
    return _save(work, session, validated_resource(kept, "Encounter"))


def _save(work: AuditedUnitOfWork, session: EncounterRecord, after: Resource) -> EncounterRecord:
    saved = versions.next_encounter(work, session, without_generated_text(session.resource, after))
    work.save(saved)
    return saved
