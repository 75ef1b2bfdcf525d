"""Which roles there are and how far each reaches; an interaction's row says what it may.

README's table and the CapabilityStatement follow.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ADMIN, PRACTITIONER, AUDITOR = "admin", "practitioner", "auditor"
SERVICE = "service"
PATIENT, RELATED_PERSON = "patient", "related-person"
# What a role deletes. A record of care is taken back (shared.catalog.types.WITHDRAWN), not deleted.
ANYTHING, OWN_DRAFTS, NOTHING = "anything", "own drafts", "nothing"


@dataclass(frozen=True, slots=True)
class Role:
    """A role; `person` is the type of who has it, where that reaches a compartment only.

    Without one a role reaches everything of the tenant. `deletes` is what it may delete of that.
    """

    name: str
    documentation: str
    person: str = ""
    deletes: str = NOTHING


ROLES = {
    role.name: role
    for role in (
        Role(ADMIN, "everything", deletes=ANYTHING),
        Role(
            PRACTITIONER,
            "everything of care: threads, messages, sessions and their links; of drafts their own; "
            "takes a record back by marking it entered-in-error",
            deletes=OWN_DRAFTS,
        ),
        Role(AUDITOR, "sees everything but drafts, and writes nothing"),
        Role(
            PATIENT,
            "sees their own compartment; creates thread headers about themselves and messages in "
            "threads they take part in, and opens sessions for themselves; of a message addressed "
            "to them PATCHes only status, to completed, and received; takes their own messages "
            "back by marking them entered-in-error; leaves a thread by taking themselves off its "
            "recipients; sets no identifier and addresses staff, their own people, and who is in "
            "the thread",
            person="Patient",
            deletes=OWN_DRAFTS,
        ),
        Role(
            RELATED_PERSON,
            "as patient, for threads they take part in and the patients whose relative they "
            "are now; where the directory does not know them, the patient that their token names",
            person="RelatedPerson",
            deletes=OWN_DRAFTS,
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
DELETERS = frozenset(role.name for role in ROLES.values() if role.deletes != NOTHING)
DELETERS_OF_ANYTHING = frozenset(role.name for role in ROLES.values() if role.deletes == ANYTHING)


def listed(roles: Iterable[str], code: str = "") -> str:
    """Return the names of the roles that may do an interaction, as documents list them."""
    names = sorted(roles)
    if code != "delete":
        return ", ".join(names)
    anything = ", ".join(name for name in names if ROLES[name].deletes == ANYTHING)
    limited = ", ".join(name for name in names if ROLES[name].deletes == OWN_DRAFTS)
    return f"{anything}; only {OWN_DRAFTS}: {limited}"
