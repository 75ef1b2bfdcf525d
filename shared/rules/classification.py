"""Classification of Encounters (session, medical encounter, plain record) and Communications."""

from dataclasses import dataclass

from shared.catalog.code_systems import ACT_CODE, ANSWER_SYSTEM, MESSAGE_CATEGORY
from shared.errors import BusinessRule
from shared.fhir import references
from shared.fhir.elements import elements_at
from shared.fhir.fhirjson import Resource

VIRTUAL, SESSION, MEDICAL_ENCOUNTER = "VR", "session", "medical-encounter"

PLANNED, FINISHED = "planned", "finished"
OPEN_STATUSES = frozenset({PLANNED, "arrived", "triaged", "in-progress", "onleave", "unknown"})
ENTERED_IN_ERROR = "entered-in-error"
CANCELLED = "cancelled"
VOID_STATUSES = frozenset({CANCELLED, ENTERED_IN_ERROR})
# The status of a message that its sender has not sent yet.
DRAFT = "preparation"
OPEN_HEADER_STATUSES = frozenset({DRAFT, "in-progress", "on-hold"})
COUNTING_STATUSES = frozenset({"in-progress", "completed"})
# A message that was sent still counts when it is put on hold, stopped or not done.
RETRACTED_STATUSES = frozenset({ENTERED_IN_ERROR, DRAFT})
# The category of a message that the service writes by itself, such as an answer to HELP.
AUTOMATIC = {"coding": [{"system": MESSAGE_CATEGORY, "code": "automatic"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedEncounter:
    """The facts of an Encounter that a slot, a header or a message names.

    `is_session` is false for a plain record. `has_room` says whether one more thread or day may be
    attached. `day` is the local day that it is the session of, and `parent_session` the session
    that it is a medical encounter of; both are empty without one.
    """

    id: str
    status: str
    is_session: bool = True
    has_room: bool = True
    day: str = ""
    parent_session: str = ""

    @property
    def is_open_session(self) -> bool:
        """Whether it is a session that is open."""
        return self.is_session and self.status in OPEN_STATUSES


def _typed(encounter: Resource, code: str, system: str) -> bool:
    return any(
        coding.get("code") == code and coding.get("system", system) == system
        for coding in elements_at(encounter, ("type", "coding"))
    )


def is_open(encounter: Resource) -> bool:
    """Return whether an Encounter has an open status."""
    return encounter.get("status") in OPEN_STATUSES


def parent_id(encounter: Resource) -> str:
    """Return the id of the Encounter that this one is part of; empty without one."""
    target = references.target(encounter.get("partOf"))
    return target.id if target and target.type == "Encounter" else ""


def is_medical_encounter(encounter: Resource, type_system: str) -> bool:
    """Return whether an Encounter has the type of a medical encounter: that of one patient."""
    return _typed(encounter, MEDICAL_ENCOUNTER, type_system)


def is_session(encounter: Resource, type_system: str) -> bool:
    """Return whether an Encounter is a session; every other is a plain record."""
    if "partOf" in encounter or is_medical_encounter(encounter, type_system):
        return False
    coding = encounter.get("class", {})
    is_virtual = coding.get("code") == VIRTUAL and coding.get("system", ACT_CODE) == ACT_CODE
    return is_virtual or _typed(encounter, SESSION, type_system)


def is_open_session(encounter: Resource, type_system: str) -> bool:
    """Return whether an Encounter is a session that is open."""
    return is_open(encounter) and is_session(encounter, type_system)


def is_void(encounter: Resource) -> bool:
    """Return whether an Encounter is cancelled, entered in error, or deleted (empty)."""
    return not encounter or encounter["status"] in VOID_STATUSES


def names_patient(encounter: Resource) -> bool:
    """Return whether an Encounter names its patient; a Group names nobody."""
    subject = encounter.get("subject")
    return subject is not None and references.type_of(subject.get("reference")) != "Group"


def header_id(communication: Resource) -> str:
    """Return the id of the header that a message is part of; empty for a header or another type.

    Raises BusinessRule if there are several.
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


def encounter_id(communication: Resource) -> str:
    """Return the id of the Encounter that a Communication names; empty without one."""
    target = references.target(communication.get("encounter"))
    return target.id if target and target.type == "Encounter" else ""


def counts(communication: Resource, *, counted: bool) -> bool:
    """Return whether a message counts: sent, and not retracted. `counted` says whether it did.

    One that the service writes by itself does not.
    """
    status = communication.get("status")
    if counted:
        return status not in RETRACTED_STATUSES
    return status in COUNTING_STATUSES and not is_automatic(communication)


def is_automatic(communication: Resource) -> bool:
    """Return whether a message was written by the service itself, and is no part of care.

    The category alone could be anybody's.
    """
    return AUTOMATIC in communication.get("category", ()) and any(
        identifier.get("system") == ANSWER_SYSTEM
        for identifier in communication.get("identifier", ())
    )


def sender_reference(communication: Resource) -> str:
    """Return the reference of a message's sender; empty without one."""
    target = references.target(communication.get("sender"))
    return str(target) if target else ""
