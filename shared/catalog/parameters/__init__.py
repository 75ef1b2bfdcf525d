"""The search parameters, with what parsing, indexing, planning and documents need of each.

Expressions are R4's, reduced to one resource type:
https://hl7.org/fhir/R4/searchparameter-registry.html
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import partial
from importlib import import_module
from typing import Any, Literal

ParamType = Literal["token", "reference", "date", "quantity", "uri", "string", "special"]

HL7 = "http://hl7.org/fhir/SearchParameter/"
# This server's own parameters are defined below its base.
OWN_DEFINITION_PATH = "SearchParameter/"


class Index(Enum):
    """The means by which a parameter is answered."""

    KEY = "the resource tables' own keys"
    ROW = "a partition for each value"
    LISTING = "a listing of the type, spread over partitions"
    FILTER = "the rows that another parameter reads"


@dataclass(frozen=True, slots=True)
class SearchParam:
    """A search parameter of one resource type.

    - `element`: the data type of a token's element, or of a date's if it is `instant`.
    - `partition`: the name of the partitions of its values, if shared with another parameter.
    - `spread`: the number of partitions of each value, more than one if there are few values.
    - `resources_per_value`: about how many resources share a value, by which the planner chooses.
    - `keyed_target`: the type whose references need no index rows, because the resource tables'
      own keys find them.
    - `system`: the code system to which a plain `code` element is bound.
    - `usual_system`: the code system of nearly all values of a Coding. Codes of other systems are
      also partitioned on their own.
    - `by_ending`: whether telephone numbers are found by their last digits, however they are
      written.
    - `by_id`: whether references are partitioned by their id alone.
    - `needs_reindexing`: whether stored data may be older than the parameter, so that it must be
      reindexed first.
    - `description`: the documentation of a parameter that R4 does not define.
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
    resources_per_value: int = 100
    keyed_target: str = ""
    system: str = ""
    usual_system: str = ""
    by_id: bool = False
    by_ending: bool = False
    definition: str = ""
    description: str = ""
    needs_reindexing: bool = False

    @property
    def name(self) -> str:
        """The parameter's name among those of all types, such as `Encounter?status`."""
        return f"{self.resource}?{self.code}"

    @property
    def partition_name(self) -> str:
        """The name of the partitions of its values."""
        return self.partition or self.code

    @property
    def is_by_id(self) -> bool:
        """Whether references are partitioned by their id alone, whatever type they name."""
        return self.by_id or not self.targets


# The number of partitions over which a listing, or a common value, is spread. It is part of the
# partitions' keys, so that rows written under another number can be told apart.
SPREAD = 4

# The types of choice elements that parameters read, if their expression names no type.
CHOICES = {
    "ChargeItem.occurrence": ("dateTime", "Period", "Timing"),
    "Observation.effective": ("dateTime", "Period", "Timing", "instant"),
    "Patient.deceased": ("boolean", "dateTime"),
    "Procedure.performed": ("dateTime", "Period"),
    "ServiceRequest.occurrence": ("dateTime", "Period", "Timing"),
}

# Targets of references that several parameters share.
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
CODE_SYSTEM_BASE = "http://hl7.org/fhir"


def param(
    resource: str, code: str, kind: ParamType, path: str, *targets: str, **more: Any
) -> SearchParam:
    """Return a search parameter. Its definition defaults to R4's of this resource and code."""
    more.setdefault("definition", f"{HL7}{resource}-{code}")
    # Expressions that R4 has in parentheses name the resource themselves.
    expression = path if path.startswith("(") else f"{resource}.{path}"
    return SearchParam(resource, code, kind, expression, targets, **more)


def common_params(resource: str) -> tuple[SearchParam, ...]:
    """Return the parameters that R4 defines for every resource."""

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
            resources_per_value=100_000,
        ),
    )


row = partial(dict[str, Any], index=Index.ROW)
# For values that a large part of the resources may share: rows in one of several partitions.
spread = partial(row, spread=SPREAD)


class SearchParams:
    """The search parameters by resource type and code.

    Those of a type are imported on first use, from the module named after the type.
    """

    def __init__(self) -> None:
        """Create the collection without parameters."""
        self._by_type: dict[str, dict[str, SearchParam]] = {}

    def of(self, resource: str) -> dict[str, SearchParam]:
        """Return the parameters of a resource type by code, in the order of the documents."""
        if resource not in self._by_type:
            module = re.sub(r"(?<!^)(?=[A-Z])", "_", resource).lower()
            by_code: dict[str, SearchParam] = {}
            for row in import_module(f"{__name__}.{module}").ROWS:
                if row.code in by_code:
                    raise ValueError(f"{row.name} is defined twice")
                by_code[row.code] = row
            self._by_type[resource] = by_code
        return self._by_type[resource]


SEARCH_PARAMS = SearchParams()
