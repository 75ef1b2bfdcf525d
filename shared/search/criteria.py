"""What a query asks: its parameters read and checked.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

from shared.catalog.parameters import SEARCH_PARAMS, SearchParam
from shared.errors import FhirError, Invalid, Issue, TooCostly
from shared.search import controls, operands
from shared.search.controls import Controls
from shared.search.operands import Operand

if TYPE_CHECKING:
    from shared.search.includes import Include
    from shared.search.joins import Join

type Pair = tuple[str, str]

INCLUDES = frozenset({"_include", "_revinclude"})


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
class Query:
    """A query as understood; `applied` are its parameters without those left out.

    `via` is the join that has been answered first; `threads` asks only for Communications that may
    have messages; `is_exact` tells that it looks at numbers digit for digit.
    """

    type: str
    criteria: tuple[Criterion, ...]
    controls: Controls
    zone: tzinfo
    applied: tuple[Pair, ...]
    warnings: tuple[Issue, ...]
    includes: "tuple[Include, ...]" = ()
    joins: "tuple[Join, ...]" = ()
    via: int | None = None
    threads: bool = False
    is_exact: bool = False


def parse(
    resource_type: str, pairs: Sequence[Pair], zone: tzinfo, *, lenient: bool = False
) -> Query:
    """Read a query. Raises Invalid with every issue; `lenient` leaves unknown parameters out."""
    criteria: list[Criterion] = []
    applied: list[Pair] = []
    issues: list[Issue] = []
    warnings: list[Issue] = []
    given: dict[str, str] = {}
    included: list[Include] = []
    linked: list[Join] = []
    if len(pairs) > operands.MOST_VALUES:
        raise TooCostly(f"At most {operands.MOST_VALUES} parameters in one search")
    for name, value in pairs:
        try:
            if name in controls.NAMES:
                _take(given, name, value)
            elif name.partition(":")[0] in INCLUDES:
                included += _includes(name, value)
            elif name.partition(":")[0] == "_has" or "." in name:
                linked.append(_join(resource_type, name, value, zone))
            else:
                criteria.append(criterion(resource_type, name, value, zone))
            applied.append((name, value))
        except UnknownParameter as error:
            (warnings if lenient else issues).extend(error.issues)
        except FhirError as error:
            issues.extend(error.issues)
    how = controls.read(resource_type, given, issues)
    if included and given.get("_summary") == "text":
        text = "_include and _revinclude cannot be combined with _summary=text"
        issues += Invalid(text, expression="_summary").issues
    if issues:
        raise Invalid(issues=issues)
    return Query(
        type=resource_type,
        criteria=tuple(criteria),
        controls=how,
        zone=zone,
        applied=tuple((name, how.applied.get(name, value)) for name, value in applied),
        warnings=tuple(_warning(issue) for issue in warnings),
        includes=tuple(dict.fromkeys(included)),
        joins=tuple(linked),
        is_exact=_looks_at_numbers(criteria, linked),
    )


def _looks_at_numbers(criteria: list[Criterion], linked: "list[Join]") -> bool:
    if not linked:
        return any(one.param.type == "quantity" for one in criteria)
    from shared.search import joins  # noqa: PLC0415 - few searches look at other resources

    return any(joins.looks_at_numbers(one) for one in (*criteria, *linked))


def _join(resource_type: str, name: str, value: str, zone: tzinfo) -> "Join":
    from shared.search import joins  # noqa: PLC0415 - as above

    return joins.parse(resource_type, name, value, zone)


def _includes(name: str, value: str) -> "list[Include]":
    from shared.search import includes  # noqa: PLC0415 - few searches include anything

    return includes.parse(name, value)


def _take(given: dict[str, str], name: str, value: str) -> None:
    """Note a parameter that a query may have once."""
    if name in given:
        raise Invalid(f"{name} is given twice", expression=name)
    given[name] = value


class UnknownParameter(Invalid):
    """The type has no parameter of that name."""


def _warning(issue: Issue) -> Issue:
    return Issue(issue.code, issue.text, issue.expression, issue.diagnostics, "warning")


def criterion(resource_type: str, name: str, value: str, zone: tzinfo) -> Criterion:
    """Read one parameter. Raises Invalid."""
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
