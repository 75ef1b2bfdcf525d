"""What a query asks: its parameters read and checked.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from shared.catalog.parameters import SEARCH_PARAMS, SearchParam
from shared.errors import FhirError, Invalid, Issue
from shared.search import operands
from shared.search.operands import Operand

type Pair = tuple[str, str]

DEFAULT_COUNT, LARGEST_COUNT = 20, 1000
# Accepted because clients send them; they change nothing about what is found.
_WITHOUT_EFFECT = frozenset({"_format", "_pretty", "_totalMethod"})
CONTROLS = frozenset({"_sort", "_count", "_cursor", "_contained", *_WITHOUT_EFFECT})


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter with the values of which one must match, or none with `:not`.

    Stored times without a zone are read in `zone`.
    """

    param: SearchParam
    modifier: str
    operands: tuple[Operand, ...]
    zone: tzinfo
    text: str

    def __str__(self) -> str:
        """Write it as the query has it."""
        return self.text


@dataclass(frozen=True, slots=True)
class SortKey:
    """A parameter to sort by; what has no value is last in both directions."""

    param: SearchParam
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A query as understood; `applied` are its parameters without those left out."""

    type: str
    criteria: tuple[Criterion, ...]
    sort: tuple[SortKey, ...]
    count: int
    cursor: str
    zone: tzinfo
    applied: tuple[Pair, ...]
    warnings: tuple[Issue, ...]


def parse(
    resource_type: str, pairs: Sequence[Pair], zone: tzinfo, *, lenient: bool = False
) -> Query:
    """Read a query. Raises Invalid with every issue; `lenient` leaves unknown parameters out."""
    criteria: list[Criterion] = []
    applied: list[Pair] = []
    issues: list[Issue] = []
    warnings: list[Issue] = []
    controls: dict[str, str] = {}
    for name, value in pairs:
        try:
            if name in CONTROLS:
                controls[name] = _control(name, value)
            else:
                criteria.append(_criterion(resource_type, name, value, zone))
            applied.append((name, controls.get(name, value)))
        except UnknownParameter as error:
            (warnings if lenient else issues).extend(error.issues)
        except FhirError as error:
            issues.extend(error.issues)
    sort = _collect(issues, lambda: _sort(resource_type, controls.get("_sort", "")))
    if issues:
        raise Invalid(issues=issues)
    count = int(controls.get("_count", DEFAULT_COUNT))
    return Query(
        type=resource_type,
        criteria=tuple(criteria),
        sort=sort,
        count=count,
        cursor=controls.get("_cursor", ""),
        zone=zone,
        applied=tuple(applied),
        warnings=tuple(_warning(issue) for issue in warnings),
    )


class UnknownParameter(Invalid):
    """The type has no parameter of that name."""


def _collect(issues: list[Issue], read: Callable[[], tuple[SortKey, ...]]) -> tuple[SortKey, ...]:
    try:
        return read()
    except FhirError as error:
        issues.extend(error.issues)
        return ()


def _warning(issue: Issue) -> Issue:
    return Issue(issue.code, issue.text, issue.expression, issue.diagnostics, "warning")


def _control(name: str, value: str) -> str:
    """Check a parameter that is no criterion, and give its value as it is applied."""
    if name == "_count":
        if not value.isascii() or not value.isdigit() or not int(value[:9]):
            raise Invalid(
                f"_count={value} is not a number of results from 1 to {LARGEST_COUNT}",
                expression=name,
            )
        return str(min(int(value[:9]), LARGEST_COUNT))
    if name == "_contained" and value != "false":
        raise Invalid("Only _contained=false is supported", expression=name)
    return value


def _criterion(resource_type: str, name: str, value: str, zone: tzinfo) -> Criterion:
    code, _, modifier = name.partition(":")
    param = SEARCH_PARAMS.of(resource_type).get(code)
    if param is None:
        raise _unknown(resource_type, code, name)
    found = operands.read(param, modifier, value, zone)
    is_type = param.type == "reference" and modifier[:1].isupper()
    return Criterion(param, "" if is_type else modifier, found, zone, f"{name}={value}")


def _unknown(resource_type: str, code: str, expression: str) -> UnknownParameter:
    known = ", ".join(SEARCH_PARAMS.of(resource_type))
    return UnknownParameter(
        f"{resource_type} has no search parameter {code}; there are {known}",
        expression=expression,
    )


def _sort(resource_type: str, value: str) -> tuple[SortKey, ...]:
    known = SEARCH_PARAMS.of(resource_type)
    keys = []
    for name in filter(None, value.split(",")):
        param = known.get(name.removeprefix("-"))
        if param is None or not param.expression:
            sortable = ", ".join(code for code, row in known.items() if row.expression)
            raise Invalid(
                f"{resource_type} cannot be sorted by {name.removeprefix('-')}, but by {sortable}",
                expression="_sort",
            )
        keys.append(SortKey(param, name.startswith("-")))
    return tuple(keys)
