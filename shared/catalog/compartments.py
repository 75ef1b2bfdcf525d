"""Which resources are in whose compartment.

R4's definitions, cut to the types that are here: https://hl7.org/fhir/R4/compartmentdefinition.html

Beside what these rows say, a message is in its header's compartments, and a session in those of
the patients who have a medical encounter in it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """A type's element whose references put a resource into the compartment of an `owner`.

    `param` is the search parameter of R4's definition.
    """

    owner: str
    type: str
    param: str
    element: str


MEMBERS = (
    Member("Patient", "Encounter", "patient", "subject"),
    Member("Patient", "Communication", "subject", "subject"),
    Member("Patient", "Communication", "sender", "sender"),
    Member("Patient", "Communication", "recipient", "recipient"),
    Member("RelatedPerson", "Encounter", "participant", "participant.individual"),
    Member("RelatedPerson", "Communication", "sender", "sender"),
    Member("RelatedPerson", "Communication", "recipient", "recipient"),
)


def of_type(resource_type: str) -> tuple[Member, ...]:
    """Give the rows of a type."""
    return tuple(row for row in MEMBERS if row.type == resource_type)
