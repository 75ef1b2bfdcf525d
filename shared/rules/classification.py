"""Classification of Encounters (session, medical encounter, plain record) and Communications."""

from typing import Any

from shared.errors import BusinessRule
from shared.fhir import references

type Resource = dict[str, Any]

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
VIRTUAL, SESSION, MEDICAL_ENCOUNTER = "VR", "session", "medical-encounter"

PLANNED = "planned"
OPEN = frozenset({PLANNED, "arrived", "triaged", "in-progress", "onleave", "unknown"})
ENTERED_IN_ERROR = "entered-in-error"
VOID = frozenset({"cancelled", ENTERED_IN_ERROR})
OPEN_HEADER = frozenset({"preparation", "in-progress", "on-hold"})
COUNTING = frozenset({"in-progress", "completed"})
# Only these statuses take a message back. One that was sent goes on counting in all others:
# on-hold, stopped, not-done.
TAKEN_BACK = frozenset({ENTERED_IN_ERROR, "preparation"})


def _has_type(encounter: Resource, code: str, system: str) -> bool:
    codings = (
        coding for concept in encounter.get("type", ()) for coding in concept.get("coding", ())
    )
    return any(
        coding.get("code") == code and coding.get("system", system) == system for coding in codings
    )


def is_open(encounter: Resource) -> bool:
    """Return whether an Encounter has a status in which it can still go on."""
    return encounter.get("status") in OPEN


def parent(encounter: Resource) -> str:
    """Return the id of the Encounter that `partOf` names, empty if there is none."""
    target = references.target(encounter.get("partOf"))
    return target.id if target and target.type == "Encounter" else ""


def is_medical_encounter(encounter: Resource, type_system: str) -> bool:
    """Return whether an Encounter has the type of one patient's part in a session."""
    return _has_type(encounter, MEDICAL_ENCOUNTER, type_system)


def is_session(encounter: Resource, type_system: str) -> bool:
    """Return whether an Encounter is a session, and neither a medical encounter nor a plain record.

    A session has class VR or type `session`, and no `partOf`.
    """
    if "partOf" in encounter or is_medical_encounter(encounter, type_system):
        return False
    coding = encounter.get("class", {})
    is_virtual = coding.get("code") == VIRTUAL and coding.get("system", ACT_CODE) == ACT_CODE
    return is_virtual or _has_type(encounter, SESSION, type_system)


def names_patient(encounter: Resource) -> bool:
    """Return whether an Encounter has a subject that is not a Group."""
    subject = encounter.get("subject")
    return subject is not None and references.type_of(subject.get("reference")) != "Group"


def header(communication: Resource) -> str:
    """Return the id of the thread header that a message is part of.

    It is empty for a thread header, and for a resource of another type. Raises BusinessRule if
    `partOf` names several Communications.
    """
    if communication.get("resourceType") not in ("Communication", None):
        return ""
    targets = (references.target(element) for element in communication.get("partOf", ()))
    ids = {target.id for target in targets if target and target.type == "Communication"}
    if len(ids) > 1:
        raise BusinessRule(
            "A message must belong to exactly one thread",
            expression="Communication.partOf",
            diagnostics="partOf names several Communications: name only the thread's header",
        )
    return ids.pop() if ids else ""


def linked(communication: Resource) -> str:
    """Return the id of the Encounter that `encounter` names, empty if there is none."""
    target = references.target(communication.get("encounter"))
    return target.id if target and target.type == "Encounter" else ""


def counts(communication: Resource, *, counted: bool) -> bool:
    """Return whether a message counts: it has been sent and not been taken back.

    `counted` is whether its previous version counted.
    """
    status = communication.get("status")
    return status in COUNTING or (counted and status not in TAKEN_BACK)


def sender(communication: Resource) -> str:
    """Return the reference of a message's sender, empty if it is not a resource of this server."""
    target = references.target(communication.get("sender"))
    return str(target) if target else ""
