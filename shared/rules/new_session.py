"""The Encounters that the server creates: a session's, and its patients' medical encounters."""

from shared.catalog.code_systems import ACT_CODE
from shared.fhir.fhirjson import Resource
from shared.rules.classification import MEDICAL_ENCOUNTER, SESSION, VIRTUAL
from shared.rules.people import participants, subjects


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
