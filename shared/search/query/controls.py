"""What a query says of its answer: its order, its page, its total, and the part that is shown.

https://hl7.org/fhir/R4/search.html#return
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared.catalog.controls import DEFAULT_COUNT, OFFSET, number, page_size
from shared.catalog.parameters import SEARCH_PARAMS, SearchParam
from shared.errors import FhirError, Invalid, Issue, TooCostly
from shared.fhir import subsets
from shared.fhir.subsets import Subset

# A request reads no more rows than these.
MOST_ROWS = 2000
# But so many more where a page by an indexed parameter would be empty, and not the last.
MORE_ROWS = 8000
# Accepted because clients send them; they change nothing about what is found.
WITHOUT_EFFECT = frozenset({"_format", "_pretty", "_totalMethod", "_contained"})
NAMES = frozenset(
    {"_sort", "_count", "_offset", "_cursor", "_total", *subsets.NAMES, *WITHOUT_EFFECT}
)
_TOTALS = ("none", "estimate", "accurate")


@dataclass(frozen=True, slots=True)
class SortKey:
    """A parameter to sort by; what has no value is last in both directions."""

    param: SearchParam
    descending: bool


@dataclass(frozen=True, slots=True)
class Controls:
    """How to answer; `applied` are the values as applied, `count` is 0 for a total alone.

    `offset` is None where pages go by cursors; `is_counted` asks for the total where it is cheap.
    """

    sort: tuple[SortKey, ...] = ()
    count: int = DEFAULT_COUNT
    offset: int | None = None
    cursor: str = ""
    is_counted: bool = False
    subset: Subset | None = None
    applied: Mapping[str, str] = field(default_factory=dict)


def read(resource_type: str, given: Mapping[str, str], issues: list[Issue]) -> Controls:
    """Read the parameters that are no criteria; adds an issue for each that is wrong."""

    def checked[V](reader: Callable[[], V], otherwise: V) -> V:
        try:
            return reader()
        except FhirError as error:
            issues.extend(error.issues)
            return otherwise

    count = checked(lambda: page_size(given.get("_count")), DEFAULT_COUNT)
    offset = checked(lambda: _offset(given, count), None)
    total = checked(lambda: _total(given), "")
    subset = checked(lambda: subsets.asked(resource_type, given), None)
    checked(lambda: _contained(given), None)
    return Controls(
        sort=checked(lambda: _sort(resource_type, given.get("_sort")), ()),
        count=0 if given.get("_summary") == subsets.COUNT else count,
        offset=offset,
        cursor=given.get("_cursor", ""),
        is_counted=total != "none" and bool(total or offset is not None),
        subset=subset,
        applied={**given, **({"_count": str(count)} if "_count" in given else {})},
    )


def _offset(given: Mapping[str, str], count: int) -> int | None:
    """Read how many results to leave out. Raises TooCostly where those are too many to read."""
    if "_offset" not in given:
        return None
    offset = number(OFFSET, given["_offset"])
    if "_cursor" in given:
        raise Invalid("_offset and _cursor cannot be combined", expression="_offset")
    if offset + count > MOST_ROWS:
        raise TooCostly(
            f"_offset and _count together are at most {MOST_ROWS}",
            expression="_offset",
            diagnostics="Go on by the next link of each page",
        )
    return offset


def _total(given: Mapping[str, str]) -> str:
    total = given.get("_total", "")
    if "_total" in given and total not in _TOTALS:
        raise Invalid(f"_total={total} is none of {', '.join(_TOTALS)}", expression="_total")
    return total


def _contained(given: Mapping[str, str]) -> None:
    if given.get("_contained", "false") != "false":
        raise Invalid("Only _contained=false is supported", expression="_contained")


def _sort(resource_type: str, value: str | None) -> tuple[SortKey, ...]:
    known = {code: row for code, row in SEARCH_PARAMS.of(resource_type).items() if row.expression}
    keys: dict[str, SortKey] = {}
    for name in [] if value is None else value.split(","):
        code = name.removeprefix("-")
        if code not in known:
            raise Invalid(
                f"{resource_type} cannot be sorted by {code or 'nothing'}, but by "
                + ", ".join(known),
                expression="_sort",
            )
        # What is equal by a parameter is so too when that is named again.
        keys.setdefault(code, SortKey(known[code], name.startswith("-")))
    return tuple(keys.values())
