"""Definitions of the Patient and RelatedPerson compartments, for the types that are stored here.

They are R4's: https://hl7.org/fhir/R4/compartmentdefinition.html

In addition, a message is in its header's compartments, and a session is in the compartments of the
patients who have a medical encounter in it.
"""

from dataclasses import dataclass
from functools import cache

from shared.catalog.types import complete_table

# Types in no compartment that every reader sees: a patient must know who writes to them, and from
# where.
SEEN_BY_ALL = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location"})
# Types that R4 puts into no person's compartment: patients and related persons do not see them.
OUTSIDE_COMPARTMENTS = frozenset({"Task"})
# The `element` of rows that put a person's own resource into their compartment.
ITSELF = "id"


@dataclass(frozen=True, slots=True)
class Member:
    """A row of a compartment's definition: an element whose references name compartments' owners.

    `owner` is the type of the compartment, `param` the search parameter in R4's definition.
    """

    owner: str
    type: str
    param: str
    element: str

    @property
    def path(self) -> tuple[str, ...]:
        """The names of the elements on the way to the references."""
        return tuple(self.element.split("."))


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
    # Not R4's: patients and related persons see the subscriptions that they made themselves.
    Member(PATIENT, "Subscription", "owner", "extension.valueReference"),
    Member(RELATED, "Subscription", "owner", "extension.valueReference"),
)
# A type with neither a row nor a decision would be hidden from patients by accident.
complete_table(
    "MEMBERS, SEEN_BY_ALL or OUTSIDE_COMPARTMENTS",
    dict.fromkeys((*(row.type for row in MEMBERS), *SEEN_BY_ALL, *OUTSIDE_COMPARTMENTS)),
)


@cache
def members_of_type(resource_type: str) -> tuple[Member, ...]:
    """Return the rows of a resource type."""
    return tuple(row for row in MEMBERS if row.type == resource_type)
