"""Which roles there are and how far each reaches; an interaction's row says what it may.

README's table and the CapabilityStatement follow.
"""

from dataclasses import dataclass

ADMIN, PRACTITIONER, AUDITOR = "admin", "practitioner", "auditor"
SERVICE = "service"
PATIENT, RELATED_PERSON = "patient", "related-person"


@dataclass(frozen=True, slots=True)
class Role:
    """A role; `person` is the type of who has it, where that reaches a compartment only.

    Without one a role reaches everything of the tenant.
    """

    name: str
    documentation: str
    person: str = ""


ROLES = {
    role.name: role
    for role in (
        Role(ADMIN, "everything"),
        Role(
            PRACTITIONER,
            "everything of care: threads, messages, sessions and their links; of drafts their own",
        ),
        Role(AUDITOR, "sees everything but drafts, and writes nothing"),
        Role(
            PATIENT,
            "sees their own compartment; creates thread headers about themselves and messages in "
            "threads they take part in, and opens sessions for themselves; of a message addressed "
            "to them PATCHes only status, to completed, and received; retracts their own messages",
            person="Patient",
        ),
        Role(
            RELATED_PERSON,
            "as patient, for threads they take part in and the patients whose relative they "
            "are now; where the directory does not know them, the patient that their token names",
            person="RelatedPerson",
        ),
        Role(SERVICE, "what the schedule does: looks at sessions that are due and closes them"),
    )
}
# Whoever has only these reaches no further than their compartments.
OF_COMPARTMENT = frozenset(role.name for role in ROLES.values() if role.person)

# All others see drafts only that they send themselves.
OF_DRAFTS = frozenset({ADMIN, SERVICE})

READERS = frozenset({ADMIN, PRACTITIONER, AUDITOR})
WRITERS = frozenset({ADMIN, PRACTITIONER})
NOBODY: frozenset[str] = frozenset()
