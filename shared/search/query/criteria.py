"""Parsing of a whole search query into criteria, joins, includes and controls; no I/O.

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

# Each chain and `_has` is answered by a search of its own.
MOST_JOINS = 20
INCLUDES = frozenset({"_include", "_revinclude"})


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed search query; `applied` has its parameters without those that were left out.

    `driving_join` is the number of the join that was answered first, None if that is still to be
    chosen. `is_headers_only` restricts the search to Communications that may have messages.
    `needs_exact_numbers` asks for exact decimals when resources are read, because a criterion
    compares quantities.
    """

    type: str
    criteria: tuple[Criterion, ...]
    controls: Controls
    zone: tzinfo
    applied: tuple[Pair, ...]
    warnings: tuple[Issue, ...]
    includes: "tuple[Include, ...]" = ()
    joins: "tuple[Join, ...]" = ()
    driving_join: int | None = None
    is_headers_only: bool = False
    needs_exact_numbers: bool = False


class _Parts:
    """The parameters of a query, sorted by what they are."""

    def __init__(self, resource_type: str, zone: tzinfo) -> None:
        self.type, self.zone = resource_type, zone
        self.controls: dict[str, str] = {}
        self.criteria: list[Criterion] = []
        self.includes: list[Include] = []
        self.joins: list[Join] = []
        self.applied: list[Pair] = []
        self.compares_quantities = False

    def take(self, name: str, value: str) -> None:
        """Parse one parameter and keep it. Raises Invalid."""
        code = name.partition(":")[0]
        if name in controls.NAMES:
            if name in self.controls:
                raise Invalid(f"{name} may be given only once", expression=name)
            self.controls[name] = value
        elif code in INCLUDES:
            from shared.search.query import includes  # noqa: PLC0415 - few searches have includes

            self.includes += includes.parse(name, value)
        elif is_join(name):
            from shared.search.query import joins  # noqa: PLC0415 - few searches have joins

            join = joins.parse(self.type, name, value, self.zone)
            self.joins.append(join)
            self.compares_quantities |= joins.compares_quantities(join)
        else:
            parsed = criterion.parse(self.type, name, value, self.zone)
            self.criteria.append(parsed)
            self.compares_quantities |= parsed.param.type == "quantity"
        self.applied.append((name, value))


def parse(
    resource_type: str, pairs: Sequence[Pair], zone: tzinfo, *, lenient: bool = False
) -> Query:
    """Parse a query. Raises Invalid with every issue, and TooCostly if the query is too large.

    With `lenient`, unknown parameters are left out and reported as warnings.
    """
    _check_size(pairs)
    parts, issues, unknown = _Parts(resource_type, zone), list[Issue](), list[Issue]()
    for pair in pairs:
        try:
            parts.take(*pair)
        except UnknownParameter as error:
            (unknown if lenient else issues).extend(error.issues)
        except FhirError as error:
            issues.extend(error.issues)
    parsed_controls = controls.parse(resource_type, parts.controls, issues)
    if parts.includes and parts.controls.get("_summary") == "text":
        issues += Invalid(
            "_include and _revinclude cannot be combined with _summary=text", expression="_summary"
        ).issues
    if issues:
        raise Invalid(issues=issues)
    return Query(
        type=resource_type,
        criteria=tuple(parts.criteria),
        controls=parsed_controls,
        zone=zone,
        applied=tuple(
            (name, parsed_controls.applied.get(name, value)) for name, value in parts.applied
        ),
        warnings=tuple(replace(issue, severity="warning") for issue in unknown),
        includes=tuple(dict.fromkeys(parts.includes)),
        joins=tuple(parts.joins),
        needs_exact_numbers=parts.compares_quantities,
    )


def _check_size(pairs: Sequence[Pair]) -> None:
    """Raise TooCostly if a query has too many parameters, joins or values in all."""
    most = operands.MOST_VALUES
    if len(pairs) > most:
        raise TooCostly(f"A search may have at most {most} parameters")
    criteria = [pair for pair in pairs if pair[0] not in controls.NAMES]
    if sum(map(is_join, (name for name, _ in criteria))) > MOST_JOINS:
        raise TooCostly(
            f"A search may have at most {MOST_JOINS} chained and _has parameters",
            diagnostics="Each of them needs a search of its own",
        )
    # An escaped comma separates nothing, so counting commas first saves most queries the parsing.
    if sum(value.count(",") + 1 for _, value in criteria) > most:
        counts = [(len(operands.split_values(value)), name) for name, value in criteria]
        if sum(count for count, _ in counts) > most:
            raise TooCostly(
                f"A search may have at most {most} values, counted over all its parameters",
                expression=max(counts)[1],
            )


def is_join(name: str) -> bool:
    """Return whether a parameter is a chain or `_has`."""
    return name.partition(":")[0] == "_has" or "." in name
