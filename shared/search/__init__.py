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
    """A page: the JSON of its resources, the query of the next page, the query as applied.

    `warnings` name the parameters that were left out.
    """

    resources: list[bytes]
    next: tuple[Pair, ...] | None
    applied: tuple[Pair, ...]
    warnings: tuple[Issue, ...]
    plan: Plan


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
        position = paging.position(asked, tenant, caller)
        plan = planning.plan(asked, tenant)
        page = reading.read(plan, asked, tenant, position)
    finally:
        references.BASE.reset(token)
    following = paging.following(asked, tenant, caller, page.end) if page.end else None
    return Result(page.resources, following, asked.applied, asked.warnings, plan)
