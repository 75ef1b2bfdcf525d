"""The patients of a session: one is its subject, several have a medical encounter each."""

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir.fhirjson import Resource
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, people, transitions
from shared.rules.people import Addition
from shared.rules.state import Slot
from shared.sessions import opening
from shared.store import versions
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.transactions import Stale


def add_from_message(
    work: AuditedUnitOfWork, slot: Slot, header: CommunicationRecord, message: Resource
) -> None:
    """Add the patients of a message and its header to the session that the message joins.

    Raises Stale if the session has ended meanwhile.
    """
    if _is_known(slot, header, message):
        return
    session = work.encounter(slot.session)
    if session and not classification.is_open(session.resource):
        # It has ended since its slot was read: the message must look for its session again.
        raise Stale
    if session is None:
        return
    for subject in people.added_patients(header.resource, message, by_server=session.by_server):
        add(work, work.encounter(session.id) or session, subject)


def _is_known(slot: Slot, header: CommunicationRecord, message: Resource) -> bool:
    """Return whether a session surely has a message's patient, because of an earlier message.

    This spares reading the session.
    """
    has_headers_patient = people.patient_reference(message) in (
        "",
        people.patient_reference(header.resource),
    )
    return has_headers_patient and transitions.has_message_since(slot, header.last_updated)


def check_subject(work: AuditedUnitOfWork, thread: str, before: Resource, after: Resource) -> None:
    """Raise BusinessRule if a patient or related person writes about no patient of the thread."""
    patient = people.subject_patient(after)
    if not work.caller.is_patient_or_relative or patient in ("", people.subject_patient(before)):
        return
    header = work.communication(thread)
    messages = (message.resource for message in work.messages(thread))
    visible = (message for message in messages if work.visibility.sees(message))
    people.check_subject(patient, work.caller.patients, header.resource if header else {}, visible)


def add(work: AuditedUnitOfWork, session: EncounterRecord, subject: Resource) -> None:
    """Add a patient to an open session, unless it has that patient already.

    A session of one patient loses its subject. Everything that not every patient of the session
    may see moves to that patient's medical encounter. Raises BusinessRule if the session is not
    open.
    """
    children = [child.resource for child in work.children(session.id)]
    addition = people.addition(session.resource, children, subject)
    if addition is Addition.NOTHING:
        return
    if addition is Addition.SET_SUBJECT:
        _save(work, session, session.resource | {"subject": subject})
        return
    if addition is Addition.SPLIT:
        session = _split(work, session)
    opening.save_medical_encounter(work, session, subject)
    work.save(work.encounter(session.id) or session)


def _split(work: AuditedUnitOfWork, session: EncounterRecord) -> EncounterRecord:
    """Move a session's own patient, and what concerns only them, to a medical encounter."""
    # Imported here because few messages bring another patient.
    from shared.rules import splitting  # noqa: PLC0415
    from shared.sessions.intake import validated_resource  # noqa: PLC0415

    kept, moved = splitting.split(session.resource)
    child = opening.save_medical_encounter(work, session, session.resource["subject"])
    if moved:
        types = [*child.resource["type"], *moved.get("type", ())]
        resource = validated_resource(child.resource | moved | {"type": types}, "Encounter")
        work.save(versions.next_encounter(work, child, resource))
    return _save(work, session, validated_resource(kept, "Encounter"))


def _save(work: AuditedUnitOfWork, session: EncounterRecord, after: Resource) -> EncounterRecord:
    after = without_generated_text(session.resource, after)
    return work.save(versions.next_encounter(work, session, after))
