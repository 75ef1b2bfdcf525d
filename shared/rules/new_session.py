"""The Encounters that the server creates: a session's, and its patients' medical encounters."""

from typing import Any

from shared.catalog.code_systems import ACT_CODE
from shared.fhir import references
from shared.rules.classification import MEDICAL_ENCOUNTER, SESSION, VIRTUAL
from shared.rules.filled_elements import can_participate, participant

type Resource = dict[str, Any]


def patient_reference(communication: Resource) -> str:
    """Return the reference of the Patient that a header or message is about, empty if none."""
    target = references.target(communication.get("subject"))
    return str(target) if target and target.type == "Patient" else ""


def subjects(header: Resource, message: Resource) -> list[Resource]:
    """Return whom a session is about: each Patient once, or else the Group that the header names.

    The header's Patient comes first.
    """
    by_patient = {
        patient_reference(resource): resource["subject"]
        for resource in (message, header)
        if patient_reference(resource)
    }
    if by_patient:
        patients = dict.fromkeys(
            filter(None, (patient_reference(header), patient_reference(message)))
        )
        return [by_patient[reference] for reference in patients]
    target = references.target(header.get("subject"))
    return [header["subject"]] if target and target.type == "Group" else []


def participants(header: Resource, message: Resource) -> list[Resource]:
    """Return the participants: the header's sender and recipients, and the message's sender.

    Those whose type R4 does not allow as a participant are left out.
    """
    people = [header.get("sender"), *header.get("recipient", ()), message.get("sender")]
    unique = dict.fromkeys(str(target) for target in map(references.target, people) if target)
    return [participant(reference) for reference in unique if can_participate(reference)]


def session(
    session_id: str, header: Resource, message: Resource, at: str, type_system: str
) -> Resource:
    """Return the Encounter of a session that a message opens.

    It has no subject if it is about several patients.
    """
    subjects_of_session = subjects(header, message)
    entries = participants(header, message)
    return {
        **_encounter(session_id, SESSION, type_system),
        **({"subject": subjects_of_session[0]} if len(subjects_of_session) == 1 else {}),
        **({"participant": entries} if entries else {}),
        "period": {"start": at},
    }


def bare_session(session_id: str, type_system: str) -> Resource:
    """Return the Encounter of a session of which nothing else is known."""
    return _encounter(session_id, SESSION, type_system)


def medical_encounter(
    encounter_id: str, session_id: str, subject: Resource, start: str, type_system: str
) -> Resource:
    """Return one patient's Encounter in a session about several patients."""
    return {
        **_encounter(encounter_id, MEDICAL_ENCOUNTER, type_system),
        "subject": subject,
        **({"period": {"start": start}} if start else {}),
        "partOf": {"reference": f"Encounter/{session_id}"},
    }


def _encounter(encounter_id: str, code: str, type_system: str) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": encounter_id,
        "status": "in-progress",
        "class": {"system": ACT_CODE, "code": VIRTUAL, "display": "virtual"},
        "type": [{"coding": [{"system": type_system, "code": code}]}],
    }
