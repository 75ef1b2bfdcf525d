"""Search: a query's page of resources.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from shared import references
from shared.errors import Issue
from shared.search import criteria, paging, planning, reading
from shared.search.plans import Plan

type Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Result:
    """A page: the JSON of its resources, the queries of pages around it, the query as applied.

    `total` is None where it is not given; `warnings` name the parameters that were left out.
    """

    resources: list[bytes]
    links: dict[str, tuple[Pair, ...]]
    total: int | None
    applied: tuple[Pair, ...]
    warnings: tuple[Issue, ...]
    plan: Plan

    @property
    def next(self) -> tuple[Pair, ...] | None:
        """The query of the next page; None where this is the last."""
        return self.links.get("next")


def search(
    resource_type: str,
    query: Sequence[Pair],
    *,
    tenant: str,
    caller: str,
    base: str,
    zone: tzinfo,
    lenient: bool = False,
) -> Result:
    """Give a page of the resources of a type that match a query, decoded but not interpreted.

    Raises Invalid, naming each parameter that is none or has a wrong value, and TooCostly.
    """
    token = references.BASE.set(base)
    try:
        asked = criteria.parse(resource_type, query, zone, lenient=lenient)
        cursor = paging.cursor(asked, tenant, caller)
        plan = planning.plan(asked, tenant)
        page = reading.read(plan, asked, tenant, cursor)
    finally:
        references.BASE.reset(token)
    links = paging.links(asked, tenant, caller, page)
    subset = asked.controls.subset
    shown = [subset.cut(json) for json in page.resources] if subset else page.resources
    return Result(shown, links, page.total, asked.applied, asked.warnings, plan)
