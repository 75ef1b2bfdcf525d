"""What a query asks: its parameters read and checked.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import TYPE_CHECKING

from shared.errors import FhirError, Invalid, Issue, TooCostly
from shared.search.query import controls, criterion, operands
from shared.search.query.controls import Controls
from shared.search.query.criterion import Criterion, UnknownParameter

if TYPE_CHECKING:
    from shared.search.query.includes import Include
    from shared.search.query.joins import Join

type Pair = tuple[str, str]

# Each is a search of its own.
MOST_JOINS = 20
INCLUDES = frozenset({"_include", "_revinclude"})


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


class _Parts:
    """The parameters of a query by what they say."""

    def __init__(self, resource_type: str, zone: tzinfo) -> None:
        self.type, self.zone = resource_type, zone
        self.controls: dict[str, str] = {}
        self.criteria: list[Criterion] = []
        self.includes: list[Include] = []
        self.joins: list[Join] = []
        self.applied: list[Pair] = []

    def take(self, name: str, value: str) -> None:
        """Read one parameter. Raises Invalid."""
        code = name.partition(":")[0]
        if name in controls.NAMES:
            if name in self.controls:
                raise Invalid(f"{name} is given twice", expression=name)
            self.controls[name] = value
        elif code in INCLUDES:
            self.includes += _includes(name, value)
        elif _is_join(name):
            self.joins.append(_join(self.type, name, value, self.zone))
        else:
            self.criteria.append(criterion.read(self.type, name, value, self.zone))
        self.applied.append((name, value))


def parse(
    resource_type: str, pairs: Sequence[Pair], zone: tzinfo, *, lenient: bool = False
) -> Query:
    """Read a query. Raises Invalid with every issue; `lenient` leaves unknown parameters out."""
    _check_size(pairs)
    parts, issues, unknown = _Parts(resource_type, zone), list[Issue](), list[Issue]()
    for pair in pairs:
        try:
            parts.take(*pair)
        except UnknownParameter as error:
            (unknown if lenient else issues).extend(error.issues)
        except FhirError as error:
            issues.extend(error.issues)
    how = controls.read(resource_type, parts.controls, issues)
    if parts.includes and parts.controls.get("_summary") == "text":
        text = "_include and _revinclude cannot be combined with _summary=text"
        issues += Invalid(text, expression="_summary").issues
    if issues:
        raise Invalid(issues=issues)
    return Query(
        type=resource_type,
        criteria=tuple(parts.criteria),
        controls=how,
        zone=zone,
        applied=tuple((name, how.applied.get(name, value)) for name, value in parts.applied),
        warnings=tuple(replace(issue, severity="warning") for issue in unknown),
        includes=tuple(dict.fromkeys(parts.includes)),
        joins=tuple(parts.joins),
        is_exact=_looks_at_numbers(parts.criteria, parts.joins),
    )


def _check_size(pairs: Sequence[Pair]) -> None:
    """Raise TooCostly if a search has too many parameters, joins or values in all."""
    most = operands.MOST_VALUES
    if len(pairs) > most:
        raise TooCostly(f"At most {most} parameters in one search")
    asked = [pair for pair in pairs if pair[0] not in controls.NAMES]
    if sum(map(_is_join, (name for name, _ in asked))) > MOST_JOINS:
        raise TooCostly(
            f"At most {MOST_JOINS} chains and _has in one search",
            diagnostics="Each of them is a search of its own",
        )
    # Not every comma parts two values, but where there are few there is nothing to count.
    if sum(value.count(",") + 1 for _, value in asked) > most:
        counts = [(len(operands.parts(value)), name) for name, value in asked]
        if sum(count for count, _ in counts) > most:
            raise TooCostly(
                f"At most {most} values in one search, of all its parameters together",
                expression=max(counts)[1],
            )


def _is_join(name: str) -> bool:
    return name.partition(":")[0] == "_has" or "." in name


def _looks_at_numbers(criteria: list[Criterion], linked: "list[Join]") -> bool:
    if not linked:
        return any(one.param.type == "quantity" for one in criteria)
    from shared.search.query import joins  # noqa: PLC0415 - few searches look at other resources

    return any(joins.looks_at_numbers(one) for one in (*criteria, *linked))


def _join(resource_type: str, name: str, value: str, zone: tzinfo) -> "Join":
    from shared.search.query import joins  # noqa: PLC0415 - as above

    return joins.parse(resource_type, name, value, zone)


def _includes(name: str, value: str) -> "list[Include]":
    from shared.search.query import includes  # noqa: PLC0415 - few searches include anything

    return includes.parse(name, value)
