"""What a session is when the server opens it: whose it is, who takes part, since when."""

from typing import Any

from shared import references
from shared.sessions.closing import participant, takes_part
from shared.sessions.kinds import ACT_CODE, MEDICAL_ENCOUNTER, SESSION, VIRTUAL

type Resource = dict[str, Any]


def patient(communication: Resource) -> str:
    """Give the reference of the Patient that a header or message is about, or nothing."""
    target = references.target(communication.get("subject"))
    return str(target) if target and target.type == "Patient" else ""


def subjects(header: Resource, message: Resource) -> list[Resource]:
    """Give whom a session is about: each Patient once, or the Group that the header names."""
    found = {patient(each): each["subject"] for each in (message, header) if patient(each)}
    if found:
        ordered = dict.fromkeys(filter(None, (patient(header), patient(message))))
        return [found[each] for each in ordered]
    target = references.target(header.get("subject"))
    return [header["subject"]] if target and target.type == "Group" else []


def participants(header: Resource, message: Resource) -> list[Resource]:
    """Give who takes part: the header's people and the sender, where R4 allows them."""
    people = [header.get("sender"), *header.get("recipient", ()), message.get("sender")]
    found = dict.fromkeys(str(target) for target in map(references.target, people) if target)
    return [participant(each) for each in found if takes_part(each)]


def session(
    session_id: str, header: Resource, message: Resource, at: str, type_system: str
) -> Resource:
    """Make the Encounter of a session that a message opens; of several patients it names none."""
    about = subjects(header, message)
    people = participants(header, message)
    return {
        **_encounter(session_id, SESSION, type_system),
        **({"subject": about[0]} if len(about) == 1 else {}),
        **({"participant": people} if people else {}),
        "period": {"start": at},
    }


def bare_session(session_id: str, type_system: str) -> Resource:
    """Make the Encounter of a session of which nothing else is known."""
    return _encounter(session_id, SESSION, type_system)


def medical_encounter(
    encounter_id: str, session_id: str, subject: Resource, start: str, type_system: str
) -> Resource:
    """Make one patient's Encounter in a session of several."""
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
