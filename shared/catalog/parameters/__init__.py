"""Which search parameters there are: parsing, indexing, planning and documents follow.

Expressions are R4's own, cut to the resource: https://hl7.org/fhir/R4/searchparameter-registry.html
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib import import_module
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

    `element` is the data type of a token's element, and of a date's where that is `instant`;
    `partition` the name under which its values are partitioned, where it shares that with another
    parameter; `spread` over how many partitions each value goes, where values are few; `common`
    about how many resources share a value, by which the planner chooses; `keyed` the type whose
    references need no row, because the resource tables' own keys find them; `system` the code
    system a plain `code` element is bound to, `usual` that of nearly all of a Coding's values,
    where codes of another are found by themselves; `by_id` where references are partitioned by
    their id alone; `added` tells that data may be older than the row: it needs reindexing.
    `description` is for what R4 does not define.
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
    by_id: bool = False
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

    @property
    def is_by_id(self) -> bool:
        """Whether references are partitioned by their id, whatever type they name."""
        return self.by_id or not self.targets


# The number of partitions a listing or a value of few is spread over. It is part of every such
# partition's key, so that rows written under another number can be told apart.
SPREAD = 4

# The types of what an expression does not name the type of, those that its parameter reads.
CHOICES = {
    "ChargeItem.occurrence": ("dateTime", "Period", "Timing"),
    "Observation.effective": ("dateTime", "Period", "Timing", "instant"),
    "Patient.deceased": ("boolean", "dateTime"),
    "Procedure.performed": ("dateTime", "Period"),
    "ServiceRequest.occurrence": ("dateTime", "Period", "Timing"),
}

# What references lead to, of several parameters.
PARTICIPANTS = ("Practitioner", "PractitionerRole", "RelatedPerson")
PEOPLE = (*PARTICIPANTS, "Patient")
ACTORS = (*PEOPLE, "Organization", "Device")
REASONS = ("Condition", "Observation", "Procedure", "ImmunizationRecommendation")
INSTANTIATED = (
    "Questionnaire",
    "Measure",
    "PlanDefinition",
    "OperationDefinition",
    "ActivityDefinition",
)
CODE_SYSTEM = "http://hl7.org/fhir"


def param(
    resource: str, code: str, kind: ParamType, path: str, *targets: str, **more: Any
) -> SearchParam:
    """Make a row; R4's definition is the one named after the resource where no other is given."""
    more.setdefault("definition", f"{HL7}{resource}-{code}")
    # What R4 has in parentheses says itself of which type it is.
    expression = path if path.startswith("(") else f"{resource}.{path}"
    return SearchParam(resource, code, kind, expression, targets, **more)


def of_every_type(resource: str) -> tuple[SearchParam, ...]:
    """Give the parameters that R4 has for every resource."""

    def common(code: str, kind: ParamType, path: str, **more: Any) -> SearchParam:
        definition = f"{HL7}Resource-{code.removeprefix('_')}"
        return param(resource, code, kind, path, definition=definition, **more)

    return (
        common("_id", "token", "id", element="id", index=Index.KEY),
        common(
            "_lastUpdated",
            "date",
            "meta.lastUpdated",
            element="instant",
            index=Index.LISTING,
            spread=SPREAD,
        ),
        common("_profile", "uri", "meta.profile"),
        common("_security", "token", "meta.security", element="Coding"),
        common("_source", "uri", "meta.source"),
        common(
            "_tag",
            "token",
            "meta.tag",
            element="Coding",
            index=Index.ROW,
            spread=SPREAD,
            common=100_000,
        ),
    )


row = partial(dict[str, Any], index=Index.ROW)
# A row in one of several partitions: of values that a large part of the resources may share.
spread = partial(row, spread=SPREAD)


class SearchParams:
    """The parameters by resource type and code; a second definition of one is refused.

    Those of a type are read when they are first asked for: they are in the module of its name.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._of: dict[str, dict[str, SearchParam]] = {}

    def add(self, row: SearchParam) -> None:
        """Add a parameter. Raises ValueError where it is defined already."""
        _add(self.of(row.resource), row)

    def remove(self, resource: str, code: str) -> None:
        """Take a parameter out again."""
        del self.of(resource)[code]

    def of(self, resource: str) -> dict[str, SearchParam]:
        """Give the parameters of a resource type by code, in the order documents list them."""
        if resource not in self._of:
            name = re.sub(r"(?<!^)(?=[A-Z])", "_", resource).lower()
            known: dict[str, SearchParam] = {}
            for one in import_module(f"{__name__}.{name}").ROWS:
                _add(known, one)
            self._of[resource] = known
        return self._of[resource]


def _add(known: dict[str, SearchParam], row: SearchParam) -> None:
    if row.code in known:
        raise ValueError(f"{row.name} is defined twice")
    known[row.code] = row


SEARCH_PARAMS = SearchParams()
