"""The parameters of a query that say how to answer: order, page, total, and the part shown.

https://hl7.org/fhir/R4/search.html#return
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.catalog.controls import DEFAULT_COUNT, OFFSET, page_size, parse_number
from shared.catalog.parameters import SEARCH_PARAMS, SearchParam
from shared.errors import FhirError, Invalid, Issue, TooCostly
from shared.fhir import subsets
from shared.fhir.subsets import Subset

# The most index rows that one request reads: this bounds its time and its price.
MOST_ROWS = 2000
# The rows it may read beyond these while a page by an indexed parameter is empty and not the last:
# the client would only ask for the next page at once.
EXTRA_ROWS = 8000
# Accepted because clients send them; they do not change what a search finds.
WITHOUT_EFFECT = frozenset({"_format", "_pretty", "_totalMethod", "_contained"})
NAMES = frozenset(
    {"_sort", "_count", "_offset", "_cursor", "_total", *subsets.NAMES, *WITHOUT_EFFECT}
)
_TOTALS = ("none", "estimate", "accurate")


@dataclass(frozen=True, slots=True)
class SortKey:
    """A parameter to sort by; resources without a value come last in both directions."""

    param: SearchParam
    descending: bool


@dataclass(frozen=True, slots=True)
class Controls:
    """How to answer a query.

    `count` is 0 if only the total is asked for. `offset` is None if pages follow each other by
    cursors. `wants_total` asks for the total if one request can count it. `applied` has the
    parameters with the values that were used.
    """

    sort: tuple[SortKey, ...] = ()
    count: int = DEFAULT_COUNT
    offset: int | None = None
    cursor: str = ""
    wants_total: bool = False
    subset: Subset | None = None
    applied: Mapping[str, str] = field(default_factory=dict)


def parse(resource_type: str, values: Mapping[str, str], issues: list[Issue]) -> Controls:
    """Return the controls of a query, and append an issue for each parameter that is wrong."""

    def checked[V](parser: Callable[[], V], default: V) -> V:
        try:
            return parser()
        except FhirError as error:
            issues.extend(error.issues)
            return default

    count = checked(lambda: page_size(values.get("_count")), DEFAULT_COUNT)
    offset = checked(lambda: _parse_offset(values, count), None)
    total = checked(lambda: _parse_total(values), "")
    subset = checked(lambda: subsets.parse(resource_type, values), None)
    checked(lambda: _check_contained(values), None)
    return Controls(
        sort=checked(lambda: _parse_sort(resource_type, values.get("_sort")), ()),
        count=0 if values.get("_summary") == subsets.COUNT else count,
        offset=offset,
        cursor=values.get("_cursor", ""),
        wants_total=total != "none" and bool(total or offset is not None),
        subset=subset,
        applied={**values, **({"_count": str(count)} if "_count" in values else {})},
    )


def _parse_offset(values: Mapping[str, str], count: int) -> int | None:
    """Return how many results to skip. Raises TooCostly if one request cannot read that far."""
    if "_offset" not in values:
        return None
    offset = parse_number(OFFSET, values["_offset"])
    if "_cursor" in values:
        raise Invalid("_offset and _cursor cannot be combined", expression="_offset")
    if offset + count > MOST_ROWS:
        raise TooCostly(
            f"_offset plus _count must not exceed {MOST_ROWS}",
            expression="_offset",
            diagnostics="Follow the next link of each page instead",
        )
    return offset


def _parse_total(values: Mapping[str, str]) -> str:
    total = values.get("_total", "")
    if "_total" in values and total not in _TOTALS:
        raise Invalid(
            f"_total={total} is not supported; use one of {', '.join(_TOTALS)}", expression="_total"
        )
    return total


def _check_contained(values: Mapping[str, str]) -> None:
    if values.get("_contained", "false") != "false":
        raise Invalid("Only _contained=false is supported", expression="_contained")


def _parse_sort(resource_type: str, value: str | None) -> tuple[SortKey, ...]:
    sortable = {
        code: param for code, param in SEARCH_PARAMS.of(resource_type).items() if param.expression
    }
    keys: dict[str, SortKey] = {}
    for text in [] if value is None else value.split(","):
        code = text.removeprefix("-")
        if code not in sortable:
            raise Invalid(
                f"{resource_type} cannot be sorted by {code or 'an empty name'}; use one of "
                + ", ".join(sortable),
                expression="_sort",
            )
        # Naming a parameter again cannot change the order.
        keys.setdefault(code, SortKey(sortable[code], text.startswith("-")))
    return tuple(keys.values())
