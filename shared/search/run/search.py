"""Search: a query's page of resources.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from shared.access.visibility import Sight
from shared.catalog.types import CARE, TYPES
from shared.errors import Invalid, Issue
from shared.fhir import fhirjson, references, subsets
from shared.search.plan import planner
from shared.search.plan.explanation import Explanation, explain
from shared.search.plan.plans import Plan
from shared.search.query import criteria
from shared.search.query.criteria import Query
from shared.search.run import paging, reading
from shared.search.run.lookups import Lookups, rounded
from shared.search.run.paging import Cursor, Page
from shared.store.index import readiness

type Pair = tuple[str, str]

# How many rows are kept from being read before it is their turn.
_FOR_INCLUDES, _FOR_ROWS = 500, 1000


@dataclass(frozen=True, slots=True)
class Result:
    """A page: the JSON of its matches and of what they include, the queries of pages around it.

    `total` is None where it is not given; `applied` is the query without the parameters that were
    left out, which `warnings` name; `plan` says how it was answered, for the log; `seen` is what it
    shows a part of, whole, None where it shows no parts.
    """

    resources: list[bytes]
    included: list[bytes]
    links: dict[str, tuple[Pair, ...]]
    total: int | None
    applied: tuple[Pair, ...]
    warnings: tuple[Issue, ...]
    plan: Explanation
    seen: tuple[bytes, ...] | None = None

    @property
    def next(self) -> tuple[Pair, ...] | None:
        """The query of the next page; None where this is the last."""
        return self.links.get("next")


def search(  # noqa: PLR0913 - each is a fact of the request
    resource_type: str,
    query: Sequence[Pair],
    *,
    tenant: str,
    caller: str,
    base: str,
    zone: tzinfo,
    lenient: bool = False,
    sight: Sight | None = None,
) -> Result:
    """Give a page of the resources of a type that match a query, decoded but not interpreted.

    `sight` tells where to look and what the caller sees of it, and is asked of everything that a
    search looks at; None is everything of the tenant. Raises Invalid, naming each parameter that is
    none or has a wrong value, and TooCostly.
    """
    token = references.BASE.set(base)
    limited = sight if sight and sight.limits((*CARE, resource_type)) else None
    try:
        asked = criteria.parse(resource_type, query, zone, lenient=lenient)
        if asked.joins or asked.includes:
            _check_ready(asked)
        lookups = Lookups(
            tenant,
            zone,
            sight,
            fhirjson.loads if asked.is_exact else rounded,
        )
        cursor = paging.cursor(asked, tenant, caller)
        if asked.joins:
            asked = _narrowed(asked, lookups, cursor)
        plan = planner.plan(asked, tenant, limited)
        page = _page(plan, asked, lookups, cursor)
    finally:
        references.BASE.reset(token)
    links = paging.links(asked, tenant, caller, page)
    subset = asked.controls.subset
    shown = [subset.cut(json) for json in page.resources] if subset else page.resources
    included = _beside(asked, page.included) if subset else page.included
    told = explain(plan, asked.applied)
    warnings = (*asked.warnings, *map(_is_missing, sorted(lookups.missing)))
    seen = (*page.resources, *page.included) if subset else None
    return Result(shown, included, links, page.total, asked.applied, warnings, told, seen)


def _check_ready(query: Query) -> None:
    """Raise Invalid if rows of a parameter that refers to what is searched are not complete yet."""
    from shared.search.query import joins  # noqa: PLC0415 - few searches look at other resources

    followed = [include.param for include in query.includes if include.reverse]
    for param in (*joins.reverse_params(query.joins), *followed):
        if not readiness.is_partitioned(param):
            raise Invalid(f"What refers by {param.name} cannot be looked up before it is reindexed")


def _is_missing(name: str) -> Issue:
    text = f"{name} is not there: its current version is included"
    return Issue("not-found", text, "_include", severity="warning")


def _narrowed(query: Query, lookups: Lookups, cursor: Cursor | None) -> Query:
    from shared.search.run import driving  # noqa: PLC0415 - few searches look at other resources

    with lookups.budget.reserved(_FOR_ROWS):
        return driving.narrowed(query, lookups, cursor.via if cursor else None)


def _page(plan: Plan, query: Query, lookups: Lookups, cursor: Cursor | None) -> Page:
    if not query.includes:
        return reading.read(plan, query, lookups, cursor)
    from shared.search.run import including  # noqa: PLC0415 - few searches include anything

    def read() -> Page:
        # What is sorted has to be read in one go; else some rows are left for includes.
        with lookups.budget.reserved(0 if plan.sort else _FOR_INCLUDES):
            return reading.read(plan, query, lookups, cursor)

    return including.gather(query.includes, lookups, read, cursor)


def _beside(query: Query, included: list[bytes]) -> list[bytes]:
    """Cut what is included to the summary of its type; `_elements` are of the type searched."""
    summary = query.controls.applied.get("_summary")
    given = {} if summary is None else {"_summary": summary}
    of_type = {one: subsets.asked(one, given) for one in TYPES} | {
        query.type: query.controls.subset
    }
    cuts = ((json, of_type[rounded(json)["resourceType"]]) for json in included)
    return [subset.cut(json) if subset else json for json, subset in cuts]
