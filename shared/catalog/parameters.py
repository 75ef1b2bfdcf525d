"""Which search parameters there are: parsing, indexing, planning and documents follow.

Expressions are R4's own, cut to the resource: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, Literal

ParamType = Literal["token", "reference", "date", "quantity", "uri", "string", "special"]

HL7 = "http://hl7.org/fhir/SearchParameter/"
# Those of this server's own are defined below its base.
OWN = "SearchParameter/"


class Index(Enum):
    """How a parameter is answered."""

    KEY = "the resource tables' own keys"
    ROW = "a partition for each value"
    LISTING = "a listing of the type, spread over partitions"
    FILTER = "the rows that another parameter reads"


@dataclass(frozen=True, slots=True)
class SearchParam:
    """One parameter of one resource type.

    `element` is the data type of a token's element; `partition` the name under which its values
    are partitioned, where it shares that with another parameter; `spread` over how many partitions
    each value goes, where values are few; `common` about how many resources share a value, by which
    the planner chooses; `keyed` the type whose references need no row, because the resource tables'
    own keys find them; `system` the code system a plain `code` element is bound to, `usual` that of
    nearly all of a Coding's values, where codes of another are found by themselves; `added` tells
    that data may be older than the row: it needs reindexing. `description` is for what R4 does not
    define.
    """

    resource: str
    code: str
    type: ParamType
    expression: str
    targets: tuple[str, ...] = ()
    element: str = ""
    index: Index = Index.FILTER
    partition: str = ""
    spread: int = 1
    common: int = 100
    keyed: str = ""
    system: str = ""
    usual: str = ""
    definition: str = ""
    description: str = ""
    added: bool = False

    @property
    def name(self) -> str:
        """Its name among those of all types."""
        return f"{self.resource}?{self.code}"

    @property
    def partition_name(self) -> str:
        """The name its values' partitions carry."""
        return self.partition or self.code


# The number of partitions a listing or a value of few is spread over. It is part of every such
# partition's key, so that rows written under another number can be told apart.
SPREAD = 4

_PARTICIPANTS = ("Practitioner", "PractitionerRole", "RelatedPerson")
_SENDERS = (*_PARTICIPANTS, "Organization", "Device", "Patient", "HealthcareService")
_REASONS = ("Condition", "Observation", "Procedure", "ImmunizationRecommendation")
_INSTANTIATED = (
    "Questionnaire",
    "Measure",
    "PlanDefinition",
    "OperationDefinition",
    "ActivityDefinition",
)
_CODE_SYSTEM = "http://hl7.org/fhir"


def _param(
    resource: str, code: str, kind: ParamType, path: str, *targets: str, **more: Any
) -> SearchParam:
    """Make a row; R4's definition is the one named after the resource where no other is given."""
    more.setdefault("definition", f"{HL7}{resource}-{code}")
    return SearchParam(resource, code, kind, f"{resource}.{path}", targets, **more)


def _common(resource: str) -> tuple[SearchParam, ...]:
    """Give the parameters that R4 has for every resource."""

    def row(code: str, kind: ParamType, path: str, **more: Any) -> SearchParam:
        definition = f"{HL7}Resource-{code.removeprefix('_')}"
        return _param(resource, code, kind, path, definition=definition, **more)

    return (
        row("_id", "token", "id", element="id", index=Index.KEY),
        row("_lastUpdated", "date", "meta.lastUpdated", index=Index.LISTING, spread=SPREAD),
        row("_profile", "uri", "meta.profile"),
        row("_security", "token", "meta.security", element="Coding"),
        row("_source", "uri", "meta.source"),
        row(
            "_tag",
            "token",
            "meta.tag",
            element="Coding",
            index=Index.ROW,
            spread=SPREAD,
            common=100_000,
        ),
    )


_encounter = partial(_param, "Encounter")
_communication = partial(_param, "Communication")
_row = partial(dict[str, Any], index=Index.ROW)
# A row in one of several partitions: of values that a large part of the resources may share.
_spread = partial(_row, spread=SPREAD)

_ENCOUNTER = (
    *_common("Encounter"),
    _encounter("account", "reference", "account", "Account", **_row(common=10)),
    _encounter("appointment", "reference", "appointment", "Appointment", **_row(common=1)),
    _encounter("based-on", "reference", "basedOn", "ServiceRequest", **_row(common=1)),
    _encounter(
        "class",
        "token",
        "class",
        element="Coding",
        usual="http://terminology.hl7.org/CodeSystem/v3-ActCode",
        **_spread(common=1_000_000),
    ),
    _encounter(
        "date",
        "date",
        "period",
        index=Index.LISTING,
        spread=SPREAD,
        definition=f"{HL7}clinical-date",
    ),
    _encounter(
        "diagnosis", "reference", "diagnosis.condition", "Condition", "Procedure", **_row(common=1)
    ),
    _encounter("episode-of-care", "reference", "episodeOfCare", "EpisodeOfCare", **_row(common=10)),
    _encounter(
        "identifier",
        "token",
        "identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **_row(common=1),
    ),
    _encounter("length", "quantity", "length"),
    _encounter("location", "reference", "location.location", "Location", **_spread(common=100_000)),
    _encounter("location-period", "date", "location.period"),
    _encounter("part-of", "reference", "partOf", "Encounter", **_row(common=10)),
    _encounter(
        "participant",
        "reference",
        "participant.individual",
        *_PARTICIPANTS,
        **_row(common=10_000),
    ),
    _encounter("participant-type", "token", "participant.type", element="CodeableConcept"),
    _encounter(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **_row(),
    ),
    _encounter(
        "practitioner",
        "reference",
        "participant.individual.where(resolve() is Practitioner)",
        "Practitioner",
        **_row(partition="participant", common=10_000),
    ),
    _encounter(
        "reason-code", "token", "reasonCode", element="CodeableConcept", **_spread(common=10_000)
    ),
    _encounter("reason-reference", "reference", "reasonReference", *_REASONS, **_row(common=1)),
    _encounter(
        "service-provider",
        "reference",
        "serviceProvider",
        "Organization",
        **_spread(common=1_000_000),
    ),
    _encounter(
        "special-arrangement",
        "token",
        "hospitalization.specialArrangement",
        element="CodeableConcept",
    ),
    # `status` is a listing only of what is open: `open` in shared.index.
    _encounter(
        "status",
        "token",
        "status",
        element="code",
        index=Index.LISTING,
        spread=SPREAD,
        system=f"{_CODE_SYSTEM}/encounter-status",
    ),
    _encounter("subject", "reference", "subject", "Group", "Patient", **_row(partition="patient")),
    _encounter(
        "type", "token", "type", element="CodeableConcept", definition=f"{HL7}clinical-type"
    ),
)

_COMMUNICATION = (
    *_common("Communication"),
    _communication("based-on", "reference", "basedOn", **_row(common=10)),
    _communication("category", "token", "category", element="CodeableConcept"),
    _communication("encounter", "reference", "encounter", "Encounter", **_row(common=10)),
    _communication("identifier", "token", "identifier", element="Identifier", **_row(common=1)),
    _communication(
        "instantiates-canonical",
        "reference",
        "instantiatesCanonical",
        *_INSTANTIATED,
        **_spread(common=100_000),
    ),
    _communication("instantiates-uri", "uri", "instantiatesUri", **_spread(common=100_000)),
    _communication("medium", "token", "medium", element="CodeableConcept"),
    # A Communication is its thread's own partition; `:missing=true` reads the listings of headers.
    _communication("part-of", "reference", "partOf", **_row(keyed="Communication")),
    _communication(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        **_row(common=1_000),
    ),
    _communication(
        "priority",
        "token",
        "priority",
        element="code",
        system=f"{_CODE_SYSTEM}/request-priority",
        definition=f"{OWN}Communication-priority",
        description="How urgent it is: routine, urgent, asap or stat",
    ),
    _communication("received", "date", "received"),
    _communication(
        "recipient", "reference", "recipient", *_SENDERS, "Group", "CareTeam", **_row(common=10_000)
    ),
    _communication("sender", "reference", "sender", *_SENDERS, **_row(common=10_000)),
    _communication("sent", "date", "sent"),
    # The effective session of a message: its thread's attached ranges, not an element.
    SearchParam(
        "Communication",
        "session",
        "reference",
        "",
        ("Encounter",),
        index=Index.KEY,
        definition=f"{OWN}Communication-session",
        description="The session that a message belongs to, whatever its thread is linked to since",
    ),
    _communication(
        "status", "token", "status", element="code", system=f"{_CODE_SYSTEM}/event-status"
    ),
    _communication(
        "subject",
        "reference",
        "subject",
        "Group",
        "Patient",
        **_row(partition="patient", common=1_000),
    ),
    _communication(
        "topic",
        "token",
        "topic",
        element="CodeableConcept",
        definition=f"{OWN}Communication-topic",
        description="What it is about; `:text` finds the beginning of its words",
    ),
)

_audit_event = partial(_param, "AuditEvent")
_AGENTS = ("Practitioner", "PractitionerRole", "Organization", "Device", "Patient", "RelatedPerson")

_AUDIT_EVENT = (
    *(row for row in _common("AuditEvent") if row.code in ("_id", "_lastUpdated")),
    _audit_event(
        "action", "token", "action", element="code", system=f"{_CODE_SYSTEM}/audit-event-action"
    ),
    _audit_event("agent", "reference", "agent.who", *_AGENTS, **_row(common=10_000)),
    _audit_event("date", "date", "recorded", index=Index.LISTING, spread=SPREAD),
    _audit_event("entity", "reference", "entity.what", **_row()),
    _audit_event(
        "outcome", "token", "outcome", element="code", system=f"{_CODE_SYSTEM}/audit-event-outcome"
    ),
    _audit_event(
        "patient",
        "reference",
        "agent.who.where(resolve() is Patient) | "
        "AuditEvent.entity.what.where(resolve() is Patient)",
        "Patient",
        **_row(common=1_000),
    ),
    _audit_event("subtype", "token", "subtype", element="Coding"),
    _audit_event("type", "token", "type", element="Coding"),
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


SEARCH_PARAMS = SearchParams((*_ENCOUNTER, *_COMMUNICATION, *_AUDIT_EVENT))
