"""Which search parameters there are: parsing, indexing, planning and documents follow.

Expressions are R4's own, cut to the resource: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

ParamType = Literal["token", "reference", "date", "quantity", "uri", "string", "special"]

HL7 = "http://hl7.org/fhir/SearchParameter/"


class Index(Enum):
    """How a parameter is answered."""

    KEY = "the resource tables' own keys"
    ROW = "a partition for each value"
    LISTING = "a listing of the type, spread over partitions"
    FILTER = "the rows that another parameter reads"


@dataclass(frozen=True, slots=True)
class SearchParam:
    """One parameter of one resource type.

    `partition` is the name under which its values are partitioned, where it shares that with
    another parameter; `spread` over how many partitions each value goes, where values are few;
    `common` about how many resources share a value, by which the planner chooses; `keyed` the type
    whose references need no row, because the resource tables' own keys find them; `system` the code
    system a plain `code` element is bound to.
    """

    resource: str
    code: str
    type: ParamType
    expression: str
    targets: tuple[str, ...] = ()
    index: Index = Index.FILTER
    partition: str = ""
    spread: int = 1
    common: int = 100
    keyed: str = ""
    system: str = ""
    definition: str = ""

    @property
    def partition_name(self) -> str:
        """The name its values' partitions carry."""
        return self.partition or self.code


# The number of partitions a listing or a value of few is spread over. It is part of every such
# partition's key, so that rows written under another number can be told apart.
SPREAD = 4

_PARTICIPANTS = ("Practitioner", "PractitionerRole", "RelatedPerson")
_SENDERS = (
    "Practitioner",
    "Organization",
    "Device",
    "Patient",
    "HealthcareService",
    "PractitionerRole",
    "RelatedPerson",
)
_ENCOUNTER_STATUS = "http://hl7.org/fhir/encounter-status"
_EVENT_STATUS = "http://hl7.org/fhir/event-status"


def _encounter(code: str, kind: ParamType, expression: str, **more: object) -> SearchParam:
    more.setdefault("definition", f"{HL7}Encounter-{code}")
    return SearchParam("Encounter", code, kind, expression, **more)  # type: ignore[arg-type]


def _communication(code: str, kind: ParamType, expression: str, **more: object) -> SearchParam:
    more.setdefault("definition", f"{HL7}Communication-{code}")
    return SearchParam("Communication", code, kind, expression, **more)  # type: ignore[arg-type]


def _common(resource: str) -> tuple[SearchParam, ...]:
    return (
        SearchParam(
            resource,
            "_id",
            "token",
            f"{resource}.id",
            index=Index.KEY,
            definition=f"{HL7}Resource-id",
        ),
        SearchParam(
            resource,
            "_lastUpdated",
            "date",
            f"{resource}.meta.lastUpdated",
            index=Index.LISTING,
            spread=SPREAD,
            definition=f"{HL7}Resource-lastUpdated",
        ),
    )


ROWS = (
    *_common("Encounter"),
    _encounter(
        "appointment",
        "reference",
        "Encounter.appointment",
        targets=("Appointment",),
        index=Index.ROW,
        common=1,
    ),
    _encounter(
        "class",
        "token",
        "Encounter.class",
        index=Index.ROW,
        spread=SPREAD,
        common=1_000_000,
    ),
    _encounter(
        "date",
        "date",
        "Encounter.period",
        index=Index.LISTING,
        spread=SPREAD,
        definition=f"{HL7}clinical-date",
    ),
    _encounter(
        "identifier",
        "token",
        "Encounter.identifier",
        index=Index.ROW,
        common=1,
        definition=f"{HL7}clinical-identifier",
    ),
    _encounter(
        "part-of",
        "reference",
        "Encounter.partOf",
        targets=("Encounter",),
        index=Index.ROW,
        common=10,
    ),
    _encounter(
        "participant",
        "reference",
        "Encounter.participant.individual",
        targets=_PARTICIPANTS,
        index=Index.ROW,
        common=10_000,
    ),
    _encounter(
        "patient",
        "reference",
        "Encounter.subject.where(resolve() is Patient)",
        targets=("Patient",),
        index=Index.ROW,
        definition=f"{HL7}clinical-patient",
    ),
    _encounter(
        "practitioner",
        "reference",
        "Encounter.participant.individual.where(resolve() is Practitioner)",
        targets=("Practitioner",),
        index=Index.ROW,
        partition="participant",
        common=10_000,
    ),
    # `status` is a listing only of what is open: `open` in shared.index.
    _encounter(
        "status",
        "token",
        "Encounter.status",
        index=Index.LISTING,
        spread=SPREAD,
        system=_ENCOUNTER_STATUS,
    ),
    _encounter(
        "subject",
        "reference",
        "Encounter.subject",
        targets=("Group", "Patient"),
        index=Index.ROW,
        partition="patient",
    ),
    _encounter("type", "token", "Encounter.type", definition=f"{HL7}clinical-type"),
    *_common("Communication"),
    _communication(
        "encounter",
        "reference",
        "Communication.encounter",
        targets=("Encounter",),
        index=Index.ROW,
        common=10,
    ),
    _communication("identifier", "token", "Communication.identifier", index=Index.ROW, common=1),
    # A Communication is its thread's own partition; `:missing=true` reads the listings of headers.
    _communication(
        "part-of",
        "reference",
        "Communication.partOf",
        index=Index.ROW,
        keyed="Communication",
    ),
    _communication(
        "patient",
        "reference",
        "Communication.subject.where(resolve() is Patient)",
        targets=("Patient",),
        index=Index.ROW,
        common=1_000,
    ),
    _communication(
        "recipient",
        "reference",
        "Communication.recipient",
        targets=(*_SENDERS, "Group", "CareTeam"),
        index=Index.ROW,
        common=10_000,
    ),
    _communication(
        "sender",
        "reference",
        "Communication.sender",
        targets=_SENDERS,
        index=Index.ROW,
        common=10_000,
    ),
    _communication("sent", "date", "Communication.sent"),
    # The effective session of a message: its thread's attached ranges, not an element.
    _communication(
        "session", "reference", "", targets=("Encounter",), index=Index.KEY, definition="session"
    ),
    _communication("status", "token", "Communication.status", system=_EVENT_STATUS),
    _communication(
        "subject",
        "reference",
        "Communication.subject",
        targets=("Group", "Patient"),
        index=Index.ROW,
        partition="patient",
        common=1_000,
    ),
)


class SearchParams:
    """The parameters by resource type and code; a second definition of one is refused."""

    def __init__(self, rows: Iterable[SearchParam]) -> None:
        """Take the rows in the order in which documents list them."""
        self._of: dict[str, dict[str, SearchParam]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: SearchParam) -> None:
        """Add a parameter. Raises ValueError where it is defined already."""
        known = self._of.setdefault(row.resource, {})
        if row.code in known:
            raise ValueError(f"{row.resource}?{row.code} is defined twice")
        known[row.code] = row

    def remove(self, resource: str, code: str) -> None:
        """Take a parameter out again."""
        del self._of[resource][code]

    def of(self, resource: str) -> dict[str, SearchParam]:
        """Give the parameters of a resource type by code."""
        return self._of[resource]


SEARCH_PARAMS = SearchParams(ROWS)
