"""The roles, and what each reaches and may delete; an interaction's row names its roles.

The README's table and the CapabilityStatement are made from them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

ADMIN, PRACTITIONER, AUDITOR = "admin", "practitioner", "auditor"
SERVICE = "service"
CHANNEL = "channel"
PATIENT, RELATED_PERSON = "patient", "related-person"
# What a role may delete. Records of care are evidence: they are withdrawn, not deleted (see
# shared.catalog.types.WITHDRAWAL_MARKS).
ANYTHING, OWN_DRAFTS, NOTHING = "anything", "own drafts", "nothing"


@dataclass(frozen=True, slots=True)
class Role:
    """A role; `deletes` is what it may delete among the resources that it reaches.

    A role with a `person`, the resource type of those who have it, reaches only their compartments.
    Without one it reaches the whole tenant.
    """

    name: str
    documentation: str
    person: str = ""
    deletes: str = NOTHING


ROLES = {
    role.name: role
    for role in (
        Role(ADMIN, "may do everything", deletes=ANYTHING),
        Role(
            PRACTITIONER,
            "reads and writes everything about care: threads, messages, sessions and their links; "
            "sees only their own drafts; retracts a record by marking it entered-in-error",
            deletes=OWN_DRAFTS,
        ),
        Role(AUDITOR, "sees everything except drafts, and writes nothing"),
        Role(
            PATIENT,
            "sees their own compartment; creates threads about themselves and messages in threads "
            "they take part in, and opens sessions for themselves; in a message addressed to them, "
            "can only PATCH status to completed, and received; retracts their own messages by "
            "marking them entered-in-error; leaves a thread by removing themselves from its "
            "recipients; cannot set identifiers; can address only staff, their own people, and "
            "those who are in the thread",
            person="Patient",
            deletes=OWN_DRAFTS,
        ),
        Role(
            RELATED_PERSON,
            "like patient, for threads they take part in and for the patients whose relative they "
            "currently are; if the directory does not have them, for the patient that their token "
            "names",
            person="RelatedPerson",
            deletes=OWN_DRAFTS,
        ),
        Role(SERVICE, "runs the schedule: looks at sessions that are due, and closes them"),
        Role(
            CHANNEL,
            "writes the text messages and e-mails of one account, with their threads and files, "
            "looks their senders up in the directory, and asks staff by Tasks",
        ),
    )
}
# Roles that no token gives: those of the service's own jobs.
JOB_ROLES = frozenset({SERVICE, CHANNEL})
# Roles of people: the groups of the user pool.
USER_ROLES = tuple(name for name in ROLES if name not in JOB_ROLES)
# Roles that reach only compartments.
COMPARTMENT_ROLES = frozenset(role.name for role in ROLES.values() if role.person)

# Roles that see all drafts. Others see only those that they send themselves.
DRAFT_READERS = frozenset({ADMIN, SERVICE})

READERS = frozenset({ADMIN, PRACTITIONER, AUDITOR})
WRITERS = frozenset({ADMIN, PRACTITIONER})
NOBODY: frozenset[str] = frozenset()
DELETERS = frozenset(role.name for role in ROLES.values() if role.deletes != NOTHING)
DELETERS_OF_ANYTHING = frozenset(role.name for role in ROLES.values() if role.deletes == ANYTHING)


def roles_text(roles: Iterable[str], code: str = "") -> str:
    """Return the names of an interaction's roles, as documents list them.

    Those of `delete` are grouped by what they may delete.
    """
    names = sorted(roles)
    if code != "delete":
        return ", ".join(names)
    anything = ", ".join(name for name in names if ROLES[name].deletes == ANYTHING)
    limited = ", ".join(name for name in names if ROLES[name].deletes == OWN_DRAFTS)
    return f"{anything}; only {OWN_DRAFTS}: {limited}"
