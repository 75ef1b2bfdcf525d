"""Search: the page of resources that answers a query.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from shared.access.visibility import Visibility
from shared.catalog.types import STORED_TYPES
from shared.errors import Invalid, Issue
from shared.fhir import fhirjson, subsets
from shared.search.plan import planner
from shared.search.plan.plans import Explanation, Plan, explain
from shared.search.query import criteria
from shared.search.query.criteria import Query
from shared.search.run import paging, reading
from shared.search.run.lookups import Lookups, loads_rounded
from shared.search.run.paging import Cursor, Page
from shared.store.index import readiness

type Pair = tuple[str, str]

# How many rows a request reserves for includes while it reads matches, and for matches while it
# answers a join.
_FOR_INCLUDES, _FOR_ROWS = 500, 1000


@dataclass(frozen=True, slots=True)
class Result:
    """A page: the JSON of its matches and of what they include, and the queries of pages around it.

    `total` is None if it is not given. `applied` is the query without the parameters that were left
    out, which `warnings` name. `plan` explains how it was answered, for the log. `whole_resources`
    are those of which the page shows only a part, None if it shows all of them whole.
    """

    resources: list[bytes]
    included: list[bytes]
    links: dict[str, tuple[Pair, ...]]
    total: int | None
    applied: tuple[Pair, ...]
    warnings: tuple[Issue, ...]
    plan: Explanation
    whole_resources: tuple[bytes, ...] | None = None

    @property
    def next(self) -> tuple[Pair, ...] | None:
        """The query of the next page; None if this is the last."""
        return self.links.get("next")


def search(
    resource_type: str,
    query: Sequence[Pair],
    *,
    visibility: Visibility,
    zone: tzinfo,
    lenient: bool = False,
) -> Result:
    """Return a page of the resources of a type that match a query, whose pairs are URL-decoded.

    `visibility` tells where to look and what the caller sees, also of everything else that a search
    looks at. Raises Invalid, naming each parameter that is unknown or has a wrong value, and
    TooCostly.
    """
    parsed = criteria.parse(resource_type, query, zone, lenient=lenient)
    if parsed.joins or parsed.includes:
        _check_ready(parsed)
    loads = fhirjson.loads if parsed.needs_exact_numbers else loads_rounded
    lookups = Lookups(visibility, zone, loads)
    cursor = paging.parse_cursor(parsed, visibility)
    if parsed.joins:
        parsed = _narrowed(parsed, lookups, cursor)
    plan = planner.plan(parsed, visibility)
    page = _page(plan, parsed, lookups, cursor)
    return _result(parsed, plan, page, lookups)


def _result(query: Query, plan: Plan, page: Page, lookups: Lookups) -> Result:
    subset = query.controls.subset
    missing_versions = map(_missing_version, sorted(lookups.missing_versions))
    return Result(
        resources=[*map(subset.apply, page.resources)] if subset else page.resources,
        included=_cut_included(query, page.included) if subset else page.included,
        links=paging.links(query, lookups.visibility, page),
        total=page.total,
        applied=query.applied,
        warnings=(*query.warnings, *missing_versions),
        plan=explain(plan, query.applied),
        whole_resources=(*page.resources, *page.included) if subset else None,
    )


def _check_ready(query: Query) -> None:
    """Raise Invalid if the rows of a parameter that is followed in reverse are not complete yet."""
    from shared.search.query import joins  # noqa: PLC0415 - few searches have joins

    followed = [include.param for include in query.includes if include.reverse]
    for param in (*joins.reverse_params(query.joins), *followed):
        if not readiness.is_partitioned(param):
            raise Invalid(f"{param.name} must be reindexed before resources can be looked up by it")


def _missing_version(name: str) -> Issue:
    return Issue(
        "not-found",
        f"{name} does not exist; the current version is included instead",
        "_include",
        severity="warning",
    )


def _narrowed(query: Query, lookups: Lookups, cursor: Cursor | None) -> Query:
    from shared.search.run import driving  # noqa: PLC0415 - few searches have joins

    with lookups.budget.reserved(_FOR_ROWS):
        return driving.with_driving_join(query, lookups, cursor.driving_join if cursor else None)


def _page(plan: Plan, query: Query, lookups: Lookups, cursor: Cursor | None) -> Page:
    if not query.includes:
        return reading.read_page(plan, query, lookups, cursor)
    from shared.search.run import including  # noqa: PLC0415 - few searches have includes

    def read() -> Page:
        # A sorted search must read all its rows in one go; any other leaves some for includes.
        with lookups.budget.reserved(0 if plan.sort else _FOR_INCLUDES):
            return reading.read_page(plan, query, lookups, cursor)

    return including.read_with_includes(query.includes, lookups, read, cursor)


def _cut_included(query: Query, included: list[bytes]) -> list[bytes]:
    """Cut included resources to the summary of their type; `_elements` is for the searched type."""
    summary = query.controls.applied.get("_summary")
    controls = {} if summary is None else {"_summary": summary}
    subset_of_type = {
        resource_type: subsets.parse(resource_type, controls) for resource_type in STORED_TYPES
    } | {query.type: query.controls.subset}
    cuts = ((json, subset_of_type[loads_rounded(json)["resourceType"]]) for json in included)
    return [subset.apply(json) if subset else json for json, subset in cuts]
