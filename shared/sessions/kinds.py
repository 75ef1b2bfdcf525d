"""What an Encounter or Communication is to this service."""

from typing import Any

from shared import references
from shared.errors import BusinessRule

type Resource = dict[str, Any]

ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
VIRTUAL, SESSION, MEDICAL_ENCOUNTER = "VR", "session", "medical-encounter"

PLANNED = "planned"
OPEN = frozenset({PLANNED, "arrived", "triaged", "in-progress", "onleave", "unknown"})
ENTERED_IN_ERROR = "entered-in-error"
VOID = frozenset({"cancelled", ENTERED_IN_ERROR})
OPEN_HEADER = frozenset({"preparation", "in-progress", "on-hold"})
COUNTING = frozenset({"in-progress", "completed"})
# A message that was sent counts on whatever else becomes of it: put on hold, stopped, not done.
TAKEN_BACK = frozenset({ENTERED_IN_ERROR, "preparation"})


def _typed(encounter: Resource, code: str, system: str) -> bool:
    codings = (coding for kind in encounter.get("type", ()) for coding in kind.get("coding", ()))
    return any(
        coding.get("code") == code and coding.get("system", system) == system for coding in codings
    )


def is_open(encounter: Resource) -> bool:
    """Tell whether an Encounter's status is one that may still go on."""
    return encounter.get("status") in OPEN


def parent(encounter: Resource) -> str:
    """Give the id of the Encounter this one is part of, or nothing."""
    target = references.target(encounter.get("partOf"))
    return target.id if target and target.type == "Encounter" else ""


def is_medical_encounter(encounter: Resource, type_system: str) -> bool:
    """Tell whether this is one patient's encounter, by its type."""
    return _typed(encounter, MEDICAL_ENCOUNTER, type_system)


def is_session(encounter: Resource, type_system: str) -> bool:
    """Tell whether this stands for an asynchronous interaction; all else is a plain record."""
    if "partOf" in encounter or is_medical_encounter(encounter, type_system):
        return False
    coding = encounter.get("class", {})
    virtual = coding.get("code") == VIRTUAL and coding.get("system", ACT_CODE) == ACT_CODE
    return virtual or _typed(encounter, SESSION, type_system)


def names_patient(encounter: Resource) -> bool:
    """Return whether an Encounter says itself whom it is about; a Group is nobody by name."""
    subject = encounter.get("subject")
    return subject is not None and references.type_of(subject.get("reference")) != "Group"


def header(communication: Resource) -> str:
    """Give the id of the header a message is part of, or nothing for a header or another type.

    Raises BusinessRule where there is more than one.
    """
    if communication.get("resourceType") not in ("Communication", None):
        return ""
    targets = (references.target(element) for element in communication.get("partOf", ()))
    ids = {target.id for target in targets if target and target.type == "Communication"}
    if len(ids) > 1:
        raise BusinessRule(
            "A message has one header",
            expression="Communication.partOf",
            diagnostics="This one names several",
        )
    return ids.pop() if ids else ""


def linked(communication: Resource) -> str:
    """Give the id of the Encounter that `encounter` names, or nothing."""
    target = references.target(communication.get("encounter"))
    return target.id if target and target.type == "Encounter" else ""


def counts(communication: Resource, *, counted: bool) -> bool:
    """Tell whether a message has been sent and not been taken back; `counted` as it was before."""
    status = communication.get("status")
    return status in COUNTING or (counted and status not in TAKEN_BACK)


def sender(communication: Resource) -> str:
    """Give the reference of who sent a message, or nothing."""
    target = references.target(communication.get("sender"))
    return str(target) if target else ""
