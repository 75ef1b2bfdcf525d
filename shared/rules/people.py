"""The people of a session: the patients that it is about, and the participants."""

from collections.abc import Collection, Iterable
from enum import Enum
from typing import Any

from shared.errors import BusinessRule
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.rules.classification import is_open
from shared.rules.compartments import is_reference_to

PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
# The types that R4 allows in Encounter.participant.individual, with their participation type.
PARTICIPATION_OF = {"Practitioner": "ATND", "PractitionerRole": "ATND", "RelatedPerson": "PART"}
# The medical encounters of more patients do not fit in the transaction of $open-session.
MAX_OPENED_PATIENTS = 10


class Addition(Enum):
    """The effect of adding a patient to a session.

    SET_SUBJECT: it is about nobody yet, and the patient becomes its subject. SPLIT: its only
    patient, and everything that concerns only them, moves to a medical encounter first.
    ADD_MEDICAL_ENCOUNTER: the patient gets one. NOTHING: the session has the patient already.
    """

    SET_SUBJECT = "set subject"
    SPLIT = "split"
    ADD_MEDICAL_ENCOUNTER = "add medical encounter"
    NOTHING = "nothing"


def addition(session: Resource, children: Collection[Resource], subject: Resource) -> Addition:
    """Return the effect of adding a patient to a session with these medical encounters.

    Raises BusinessRule if the session is not open.
    """
    if not is_open(session):
        raise BusinessRule(
            f"Encounter/{session['id']} is {session.get('status')}",
            expression="Encounter.status",
            diagnostics="Patients can be added to an open session only",
        )
    present = {_relative_reference(encounter.get("subject")) for encounter in (session, *children)}
    if _relative_reference(subject) in present:
        return Addition.NOTHING
    if "subject" not in session:
        return Addition.ADD_MEDICAL_ENCOUNTER if children else Addition.SET_SUBJECT
    # The members of a Group are not known, so it stays on the session.
    return Addition.ADD_MEDICAL_ENCOUNTER if _is_group(session["subject"]) else Addition.SPLIT


def _relative_reference(subject: Any) -> str:
    """Return the relative reference of a subject; empty if it names nobody on this server."""
    return str(references.target(subject) or "")


def _is_group(subject: Any) -> bool:
    return _relative_reference(subject).startswith("Group/")


def patient_reference(communication: Resource) -> str:
    """Return the reference of the Patient that a header or message is about, empty if none."""
    reference = _relative_reference(communication.get("subject"))
    return reference if is_reference_to("Patient", reference) else ""


def patients(header: Resource, message: Resource) -> list[Resource]:
    """Return the Patients that a header and a message are about, each once, the header's first.

    Nobody is guessed from recipients or senders.
    """
    subjects: dict[str, Resource] = {}
    for communication in (header, message):
        if patient := patient_reference(communication):
            subjects.setdefault(patient, communication["subject"])
    return list(subjects.values())


def subjects(header: Resource, message: Resource) -> list[Resource]:
    """Return whom a session is about: each Patient once, or else the Group that the header names.

    The header's Patient comes first.
    """
    group = [header["subject"]] if _is_group(header.get("subject")) else []
    return patients(header, message) or group


def added_patients(header: Resource, message: Resource, *, by_server: bool) -> list[Resource]:
    """Return the Patients that a message adds to the session that it joins.

    Only a session that the server opened is changed.
    """
    return patients(header, message) if by_server else []


def check_subject(
    patient: str, own_patients: Collection[str], header: Resource, messages: Iterable[Resource]
) -> None:
    """Raise BusinessRule if a patient or related person writes about no patient of the thread.

    In a thread about one of their patients, or about none, they may also write about the others,
    such as siblings. `messages` are those of the thread that they see.
    """
    thread_patient = subject_patient(header)
    is_own = patient in own_patients and thread_patient in {"", *own_patients}
    if patient == thread_patient or is_own:
        return
    if all(patient != subject_patient(message) for message in messages):
        raise BusinessRule(
            f"The thread is not about {patient}",
            expression="Communication.subject",
            diagnostics="Name a patient of the thread, or leave subject out",
        )


def subject_patient(communication: Resource) -> str:
    """Return the reference of the Patient, here or elsewhere, that a Communication is about."""
    name = references.comparable_reference(communication.get("subject"))
    return name if is_reference_to("Patient", name) else ""


def check_patient_count(number: int, parameter: str) -> None:
    """Raise BusinessRule if $open-session would open a session about too many patients.

    `parameter` is the one that names them.
    """
    if number > MAX_OPENED_PATIENTS:
        raise BusinessRule(
            f"$open-session takes at most {MAX_OPENED_PATIENTS} patients",
            expression=parameter,
            diagnostics=f"There are {number}. Add the others one by one with $add-patient",
        )


def participants(header: Resource, message: Resource) -> list[Resource]:
    """Return the participants: the header's sender and recipients, and the message's sender.

    Those whose type R4 does not allow as a participant are left out.
    """
    people = [header.get("sender"), *header.get("recipient", ()), message.get("sender")]
    unique = dict.fromkeys(str(target) for target in map(references.target, people) if target)
    return [participant(reference) for reference in unique if can_participate(reference)]


def can_participate(reference: str) -> bool:
    """Return whether R4 allows the type of a reference as an Encounter's participant."""
    return reference.partition("/")[0] in PARTICIPATION_OF


def participant(reference: str) -> Resource:
    """Return a participant for a reference, with the participation type of its resource type."""
    coding = {"system": PARTICIPATION, "code": PARTICIPATION_OF[reference.partition("/")[0]]}
    return {"type": [{"coding": [coding]}], "individual": {"reference": reference}}
