"""The operations, with what routing, roles, parsing and OperationDefinitions need of each.

https://hl7.org/fhir/R4/operations.html
"""

from dataclasses import dataclass

from shared.catalog.interactions import ALL_READERS, ALL_WRITERS
from shared.catalog.policies import POLICIES_TEXT
from shared.catalog.roles import WRITERS
from shared.catalog.types import STORED_TYPES

TYPE, INSTANCE = "type", "instance"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation.

    `type` is a data or resource type, `targets` are the types that a Reference may name.
    """

    name: str
    type: str
    documentation: str
    min: int = 0
    max: str = "*"
    targets: tuple[str, ...] = ()

    @property
    def is_resource(self) -> bool:
        """Whether the value is a resource, which may also be sent as the whole body."""
        return self.type in ("Encounter", "Resource")

    @property
    def property(self) -> str:
        """The JSON property of `Parameters.parameter` that holds the value."""
        return "resource" if self.is_resource else f"value{self.type[0].upper()}{self.type[1:]}"


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation.

    `code` is its name without the `$`. `levels` are those on which it is called: a type, an
    instance or both. `scope_override` are the letters of SMART scopes that it requires. `standard`
    is the URL of HL7's definition, if it has one. `outputs` are the parameters of a Parameters
    resource that it returns.
    """

    code: str
    levels: tuple[str, ...]
    methods: tuple[str, ...]
    affects_state: bool
    roles: frozenset[str]
    description: str
    parameters: tuple[Parameter, ...]
    returns: str
    scope_override: str = ""
    standard: str = ""
    types: tuple[str, ...] = ("Encounter",)
    outputs: tuple[Parameter, ...] = ()

    @property
    def name(self) -> str:
        """The operation's name in a path, with the `$`."""
        return f"${self.code}"

    @property
    def id(self) -> str:
        """The id of its OperationDefinition."""
        return f"{self.types[0] if len(self.types) == 1 else 'Resource'}-{self.code}"


_PATIENT = "A Patient; if there are several, each gets a medical encounter"

OPERATIONS = (
    Operation(
        "open-session",
        (TYPE,),
        ("POST",),
        affects_state=True,
        roles=ALL_WRITERS,
        description=(
            "Opens a session for its patients and links up to 6 threads to it, all in one "
            "transaction. If there are several patients, each gets a medical encounter. Without a "
            "patient, the session is about the patients of the threads. A Group stands for its "
            "active members. A RelatedPerson takes part, and stands for the patients whose "
            "relative they currently are."
        ),
        parameters=(
            Parameter(
                "patient",
                "Reference",
                f"{_PATIENT}. Or a Group of patients, or a RelatedPerson for their patients",
                targets=("Patient", "Group", "RelatedPerson"),
            ),
            Parameter(
                "practitioner",
                "Reference",
                "A participant; if none is given, the people of the threads take part",
                targets=("Practitioner", "PractitionerRole"),
            ),
            Parameter(
                "participant",
                "Reference",
                "Another participant",
                targets=("Practitioner", "PractitionerRole", "RelatedPerson"),
            ),
            Parameter(
                "thread", "Reference", "The header of a thread to link", targets=("Communication",)
            ),
            Parameter("encounter", "Encounter", "The Encounter of the new session", max="1"),
        ),
        returns="Encounter",
        scope_override="c",
    ),
    Operation(
        "add-patient",
        (INSTANCE,),
        ("POST",),
        affects_state=True,
        roles=WRITERS,
        description=(
            "Adds a patient to an open session. If the session is about one patient, its subject "
            "and other elements move to a medical encounter of that patient. Only status, class, "
            "type, period, length, participants, locations and service provider stay on the "
            "session, without their extensions."
        ),
        parameters=(
            Parameter("patient", "Reference", _PATIENT, min=1, max="1", targets=("Patient",)),
        ),
        returns="Encounter",
        scope_override="cu",
    ),
    Operation(
        "close-session",
        (INSTANCE,),
        ("POST",),
        affects_state=True,
        roles=WRITERS,
        description=(
            "Finishes a session and its medical encounters, and fills in statusHistory, period, "
            "length and participants. A session that is already finished is returned unchanged."
        ),
        parameters=(),
        returns="Encounter",
        scope_override="u",
    ),
    Operation(
        "closing",
        (INSTANCE,),
        ("GET", "POST"),
        affects_state=False,
        roles=ALL_READERS,
        description=(
            "Returns a session's policy, and when the session closes by itself if nothing more "
            "happens. A new message can move that time. If there is none, a client must close the "
            "session."
        ),
        parameters=(),
        returns="Parameters",
        scope_override="r",
        outputs=(
            Parameter("policy", "code", POLICIES_TEXT, min=1, max="1"),
            Parameter("closes", "instant", "When an open session closes by itself", max="1"),
        ),
    ),
    Operation(
        "match-sender",
        (INSTANCE,),
        ("POST",),
        affects_state=True,
        roles=WRITERS,
        description=(
            "Says who is at the other end of a thread of text messages or e-mails: the thread and "
            "what its contact has written there are put to that person, and the Tasks that ask for "
            "it are completed. Earlier versions stay. What comes in later is theirs, too."
        ),
        parameters=(
            Parameter(
                "person",
                "Reference",
                "Who has written",
                min=1,
                max="1",
                targets=("Patient", "RelatedPerson"),
            ),
            Parameter(
                "subject",
                "Reference",
                "Whom the thread is about, if the person may write about several patients",
                max="1",
                targets=("Patient",),
            ),
        ),
        returns="Communication",
        scope_override="u",
        types=("Communication",),
    ),
    Operation(
        "everything",
        (INSTANCE,),
        ("GET", "POST"),
        affects_state=False,
        roles=ALL_READERS,
        description=(
            "Returns a session, its medical encounters, the headers of its threads, its messages "
            "in the order in which they were sent, the resources recorded during it, and the "
            "Binaries that are attached to these, without their data."
        ),
        parameters=(
            Parameter("_since", "instant", "Only resources changed since this instant", max="1"),
            Parameter("_type", "code", "Only resources of these types"),
            Parameter("_count", "integer", "The number of resources on a page", max="1"),
            Parameter(
                "_cursor",
                "string",
                "The end of the previous page, taken from its `next` link",
                max="1",
            ),
        ),
        returns="Bundle",
        scope_override="r",
        standard="http://hl7.org/fhir/OperationDefinition/Encounter-everything",
    ),
    Operation(
        "validate",
        (TYPE, INSTANCE),
        ("GET", "POST"),
        affects_state=False,
        roles=ALL_WRITERS | ALL_READERS,
        description=(
            "Checks a resource against R4 and its profiles, and returns every problem at once. "
            "With a mode, also checks whether it could be written. Without a resource, checks the "
            "stored one. Writes nothing."
        ),
        parameters=(
            Parameter("resource", "Resource", "The resource to check", max="1"),
            Parameter("mode", "code", "The intended write: create, update or delete", max="1"),
            Parameter(
                "profile", "uri", "A profile to check in addition to those the resource claims"
            ),
        ),
        returns="OperationOutcome",
        standard="http://hl7.org/fhir/OperationDefinition/Resource-validate",
        types=STORED_TYPES,
    ),
)


def operations_on(resource_type: str, level: str) -> dict[str, Operation]:
    """Return the operations on a type or on its instances, by name with the `$`."""
    return {
        row.name: row for row in OPERATIONS if resource_type in row.types and level in row.levels
    }
