"""Which resources are in whose compartment.

R4's definitions, cut to the types that are here: https://hl7.org/fhir/R4/compartmentdefinition.html

Beside what these rows say, a message is in its header's compartments, and a session in those of
the patients who have a medical encounter in it.
"""

from dataclasses import dataclass
from functools import cache

# In nobody's compartment, and seen by whoever reads anything: who writes to a patient, and where.
SEEN_BY_ALL = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location"})
# The element by which somebody's own resource is in their compartment.
ITSELF = "id"


@dataclass(frozen=True, slots=True)
class Member:
    """A type's element whose references put a resource into the compartment of an `owner`.

    `param` is the search parameter of R4's definition.
    """

    owner: str
    type: str
    param: str
    element: str


PATIENT, RELATED = "Patient", "RelatedPerson"
MEMBERS = (
    Member(PATIENT, "Encounter", "patient", "subject"),
    Member(RELATED, "Encounter", "participant", "participant.individual"),
    Member(PATIENT, "Communication", "subject", "subject"),
    Member(PATIENT, "Communication", "sender", "sender"),
    Member(PATIENT, "Communication", "recipient", "recipient"),
    Member(RELATED, "Communication", "sender", "sender"),
    Member(RELATED, "Communication", "recipient", "recipient"),
    Member(PATIENT, "Patient", "_id", ITSELF),
    Member(PATIENT, "Patient", "link", "link.other"),
    Member(RELATED, "Patient", "link", "link.other"),
    Member(PATIENT, "RelatedPerson", "patient", "patient"),
    Member(RELATED, "RelatedPerson", "_id", ITSELF),
    Member(PATIENT, "Group", "member", "member.entity"),
    Member(PATIENT, "CareTeam", "patient", "subject"),
    Member(PATIENT, "CareTeam", "participant", "participant.member"),
    Member(RELATED, "CareTeam", "participant", "participant.member"),
    Member(PATIENT, "Appointment", "actor", "participant.actor"),
    Member(RELATED, "Appointment", "actor", "participant.actor"),
    Member(PATIENT, "Condition", "patient", "subject"),
    Member(PATIENT, "Condition", "asserter", "asserter"),
    Member(RELATED, "Condition", "asserter", "asserter"),
    Member(PATIENT, "Observation", "subject", "subject"),
    Member(PATIENT, "Observation", "performer", "performer"),
    Member(RELATED, "Observation", "performer", "performer"),
    Member(PATIENT, "Procedure", "patient", "subject"),
    Member(PATIENT, "Procedure", "performer", "performer.actor"),
    Member(RELATED, "Procedure", "performer", "performer.actor"),
    Member(PATIENT, "DocumentReference", "subject", "subject"),
    Member(PATIENT, "DocumentReference", "author", "author"),
    Member(RELATED, "DocumentReference", "author", "author"),
    Member(PATIENT, "ClinicalImpression", "subject", "subject"),
    Member(PATIENT, "MedicationRequest", "subject", "subject"),
    Member(PATIENT, "ServiceRequest", "subject", "subject"),
    Member(PATIENT, "ServiceRequest", "performer", "performer"),
    Member(RELATED, "ServiceRequest", "performer", "performer"),
    Member(PATIENT, "QuestionnaireResponse", "subject", "subject"),
    Member(PATIENT, "QuestionnaireResponse", "author", "author"),
    Member(RELATED, "QuestionnaireResponse", "author", "author"),
    Member(RELATED, "QuestionnaireResponse", "source", "source"),
    Member(PATIENT, "ChargeItem", "subject", "subject"),
    Member(RELATED, "ChargeItem", "enterer", "enterer"),
    Member(RELATED, "ChargeItem", "performer-actor", "performer.actor"),
)


@cache
def of_type(resource_type: str) -> tuple[Member, ...]:
    """Give the rows of a type."""
    return tuple(row for row in MEMBERS if row.type == resource_type)
