"""Which operations there are: routing, roles, their parameters and definitions follow.

https://hl7.org/fhir/R4/operations.html
"""

from dataclasses import dataclass

from shared.catalog.interactions import CARED_FOR, SEERS
from shared.catalog.roles import WRITERS
from shared.catalog.types import TYPES

TYPE, INSTANCE = "type", "instance"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: `type` is a data or resource type, `targets` what a Reference may name."""

    name: str
    type: str
    documentation: str
    min: int = 0
    max: str = "*"
    targets: tuple[str, ...] = ()

    @property
    def is_resource(self) -> bool:
        """Tell whether its value is a resource, which may also be the whole body."""
        return self.type in ("Encounter", "Resource")

    @property
    def property(self) -> str:
        """The JSON property of `Parameters.parameter` that has its value."""
        return "resource" if self.is_resource else f"value{self.type[0].upper()}{self.type[1:]}"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `code` is its name without the `$`, `standard` HL7's own URL.

    `levels` say whether it is called on a type, an instance or both. `outputs` are the parts of
    what it returns, where that is a Parameters resource.
    """

    code: str
    levels: tuple[str, ...]
    methods: tuple[str, ...]
    affects_state: bool
    roles: frozenset[str]
    description: str
    parameters: tuple[Parameter, ...]
    returns: str
    needs: str = ""
    standard: str = ""
    types: tuple[str, ...] = ("Encounter",)
    outputs: tuple[Parameter, ...] = ()

    @property
    def name(self) -> str:
        """The operation as a path has it."""
        return f"${self.code}"

    @property
    def id(self) -> str:
        """The id of its OperationDefinition."""
        return f"{self.types[0] if len(self.types) == 1 else 'Resource'}-{self.code}"


_PATIENT = "A Patient; each of several gets a medical encounter of their own"

OPERATIONS = (
    Operation(
        "open-session",
        (TYPE,),
        ("POST",),
        affects_state=True,
        roles=CARED_FOR,
        description=(
            "Opens a session with its patients and links threads to it, all or nothing: the "
            "session, a medical encounter for each patient where there are several, and at most "
            "6 thread headers. Without a patient those are taken whom the headers are about. A "
            "Group stands for its active members, a RelatedPerson, who takes part, for the "
            "patients whose relative they are now."
        ),
        parameters=(
            Parameter(
                "patient",
                "Reference",
                f"{_PATIENT}; or a Group of patients, or a RelatedPerson for theirs",
                targets=("Patient", "Group", "RelatedPerson"),
            ),
            Parameter(
                "practitioner",
                "Reference",
                "Who takes part; without any, the people of the threads do",
                targets=("Practitioner", "PractitionerRole"),
            ),
            Parameter(
                "participant",
                "Reference",
                "Who else takes part",
                targets=("Practitioner", "PractitionerRole", "RelatedPerson"),
            ),
            Parameter("thread", "Reference", "A thread's header", targets=("Communication",)),
            Parameter("encounter", "Encounter", "The session as it is to be", max="1"),
        ),
        returns="Encounter",
        needs="c",
    ),
    Operation(
        "add-patient",
        (INSTANCE,),
        ("POST",),
        affects_state=True,
        roles=WRITERS,
        description=(
            "Adds a patient to an open session. A session of one patient loses its subject, and "
            "all moves to that patient's medical encounter but status, class, type, period, "
            "length, participants, locations and service provider, without their extensions."
        ),
        parameters=(
            Parameter("patient", "Reference", _PATIENT, min=1, max="1", targets=("Patient",)),
        ),
        returns="Encounter",
        needs="cu",
    ),
    Operation(
        "close-session",
        (INSTANCE,),
        ("POST",),
        affects_state=True,
        roles=WRITERS,
        description=(
            "Finishes a session and its medical encounters: status, statusHistory, period, length "
            "and participants. A session that is finished already stays as it is."
        ),
        parameters=(),
        returns="Encounter",
        needs="u",
    ),
    Operation(
        "closing",
        (INSTANCE,),
        ("GET", "POST"),
        affects_state=False,
        roles=SEERS,
        description=(
            "Tells how a session closes: its policy, and when it closes by itself if nothing more "
            "happens, as a message would. A session without that time is closed by a client."
        ),
        parameters=(),
        returns="Parameters",
        needs="r",
        outputs=(
            Parameter("policy", "code", "explicit, thread or daily", min=1, max="1"),
            Parameter("closes", "instant", "When an open session closes by itself", max="1"),
        ),
    ),
    Operation(
        "everything",
        (INSTANCE,),
        ("GET", "POST"),
        affects_state=False,
        roles=SEERS,
        description=(
            "Gives a session, its medical encounters, the headers of its threads, its messages in "
            "the order in which they were sent, and what was recorded during it."
        ),
        parameters=(
            Parameter("_since", "instant", "Only what was changed since", max="1"),
            Parameter("_type", "code", "Only resources of these types"),
            Parameter("_count", "integer", "How many resources a page has", max="1"),
            Parameter("_cursor", "string", "Where the page before ended: from `next`", max="1"),
        ),
        returns="Bundle",
        needs="r",
        standard="http://hl7.org/fhir/OperationDefinition/Encounter-everything",
    ),
    Operation(
        "validate",
        (TYPE, INSTANCE),
        ("GET", "POST"),
        affects_state=False,
        roles=CARED_FOR | SEERS,
        description=(
            "Tells whether a resource is what R4 and its profiles ask, every problem at once, and "
            "with a mode whether it could be written. Without a resource, the stored one is looked "
            "at. Writes nothing."
        ),
        parameters=(
            Parameter("resource", "Resource", "What is to be looked at", max="1"),
            Parameter("mode", "code", "create, update or delete: what is to be done", max="1"),
            Parameter("profile", "uri", "A profile to check beside those the resource claims"),
        ),
        returns="OperationOutcome",
        standard="http://hl7.org/fhir/OperationDefinition/Resource-validate",
        types=TYPES,
    ),
)


def offered(resource_type: str, level: str) -> dict[str, Operation]:
    """Give the operations on a type or on one of its instances, by name with the `$`."""
    return {
        row.name: row for row in OPERATIONS if resource_type in row.types and level in row.levels
    }
