"""Answering a chain or `_has` first, where few resources match what it asks of others.

What they refer to, or what refers to them, is then searched as if the query named it. Of a chain
what refers to contained resources is searched too: these cannot be searched for, but are looked at.
"""

from dataclasses import replace

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.errors import TooCostly
from shared.search.plan import planner, sources
from shared.search.plan.plans import Plan
from shared.search.query.controls import Controls, SortKey
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.joins import Chain, Condition, Join, joined_types
from shared.search.query.operands import ContainedOperand, Operand, ReferenceOperand, TokenOperand
from shared.search.run import reading
from shared.search.run.lookups import Lookups, Resource
from shared.store.index import readiness

# None of the joins of a query is answered first.
NONE = -1
# A query's own values that fewer resources share are read first.
_COMMON = 1_000
# How many resources a join may lead to: at first, and on the pages after.
_MOST, _MOST_LATER = 100, 200


def narrowed(query: Query, lookups: Lookups, via: int | None) -> Query:
    """Give a query with a join answered; `via` says which, as the page before chose it.

    Raises TooCostly where that leads to more than it did.
    """
    if lookups.limits((query.type, *joined_types(query.joins))):
        # How many there are is not theirs to know who do not see them all.
        return replace(query, via=NONE)
    if not query.joins or via == NONE or (via is None and _is_selective(query, lookups)):
        return replace(query, via=NONE)
    for number, join in enumerate(query.joins):
        if via in (None, number):
            most = _MOST if via is None else _MOST_LATER
            names = _names(join, lookups, most)
            if names is not None:
                return _by_names(query, number, names, lookups)
            if via is not None:
                raise TooCostly(
                    f"{join} leads to more than {most} resources by now",
                    expression=join.text.partition("=")[0],
                    diagnostics="Begin at the first page",
                )
    return replace(query, via=NONE)


def _is_selective(query: Query, lookups: Lookups) -> bool:
    """Tell whether a query has a value of its own that few resources share."""
    return any(
        (criterion.param.index is Index.KEY and not criterion.modifier)
        or (
            criterion.param.spread == 1
            and sources.estimated_matches(criterion) <= _COMMON
            and sources.partitions_of(criterion, lookups.tenant)
        )
        for criterion in query.criteria
    )


def _names(join: Join, lookups: Lookups, most: int) -> list[str] | None:
    """Give what a join leads to as `Type/id`; None where that is not found by few reads."""
    found: dict[str, None] = {}
    if isinstance(join, Chain):
        if not readiness.is_partitioned(join.param):
            return None
        for resource_type, condition in join.branches:
            threads = join.param.keyed == join.param.resource == resource_type
            resources = _resources(resource_type, condition, lookups, most, threads=threads)
            if resources is None:
                return None
            found |= dict.fromkeys(f"{resource_type}/{one['id']}" for one in resources)
    else:
        resources = _resources(join.param.resource, join.condition, lookups, most)
        if resources is None:
            return None
        found = dict.fromkeys(
            name for one in resources for name in lookups.targets(one, join.param)
        )
    return sorted(found) if len(found) <= most else None


def _resources(
    resource_type: str,
    condition: Condition,
    lookups: Lookups,
    most: int,
    *,
    threads: bool = False,
) -> list[Resource] | None:
    own, joins = ((condition,), ()) if isinstance(condition, Criterion) else ((), (condition,))
    asked = Query(
        type=resource_type,
        criteria=own,
        joins=joins,
        controls=Controls(count=most),
        zone=lookups.zone,
        applied=(),
        warnings=(),
        threads=threads,
    )
    if joins:
        asked = narrowed(asked, lookups, None)
    plan = planner.plan(asked, lookups.tenant)
    if not (_is_short(plan, resource_type) or _is_of_contained(asked)):
        return None
    with lookups.budget.reserved(lookups.budget.left - 2 * most):
        page = reading.read(plan, asked, lookups, None)
    return (
        None if page.next or page.is_partial else [lookups.loads(json) for json in page.resources]
    )


def _is_short(plan: Plan, resource_type: str) -> bool:
    """Tell whether a plan is likely to read few rows."""
    if plan.ids is not None or plan.reads in _OPEN:
        return True
    param = SEARCH_PARAMS.of(resource_type).get(plan.reads)
    return bool(
        param and readiness.is_partitioned(param) and param.spread == 1 and param.common <= _COMMON
    )


def _is_of_contained(query: Query) -> bool:
    """Return whether only contained resources can match a query: few resources have any."""
    return any(one.operands == (ContainedOperand(),) for one in query.criteria)


# The listings of what is open.
_OPEN = frozenset({"open", "open-threads", "open-parts, open-threads"})


def _by_names(query: Query, number: int, names: list[str], lookups: Lookups) -> Query:
    """Put what a join leads to in its place."""
    join = query.joins[number]
    rest = tuple(one for one in query.joins if one is not join)
    if isinstance(join, Chain):
        targets = [ReferenceOperand(name, name.partition("/")[0]) for name in names]
        if _has_contained(join.param, lookups):
            # Each of these is looked at; of all others the answer is known.
            lookups.answer(join, names)
            found = _criterion(join, (*targets, ContainedOperand()), query)
            return replace(query, criteria=(*query.criteria, found), via=number)
        if targets:
            found = _criterion(join, tuple(targets), query)
            return replace(query, criteria=(*query.criteria, found), joins=rest, via=number)
    param = SEARCH_PARAMS.of(query.type)["_id"]
    ids = tuple(
        TokenOperand(None, one.partition("/")[2])
        for one in names
        if one.startswith(f"{query.type}/")
    )
    named = Criterion(param, "", ids, query.zone, join.text)
    # Which ids these are may be different on the next page: their own order is not.
    sort = query.controls.sort or (SortKey(param, descending=False),)
    controls = replace(query.controls, sort=sort)
    return replace(
        query, criteria=(*query.criteria, named), joins=rest, controls=controls, via=number
    )


def _criterion(join: Chain, operands: tuple[Operand, ...], query: Query) -> Criterion:
    return Criterion(join.param, "", operands, query.zone, join.text)


def _has_contained(param: SearchParam, lookups: Lookups) -> bool:
    """Return whether anything refers to a contained resource by a parameter."""
    asked = Criterion(param, "", (ContainedOperand(),), lookups.zone, "")
    return any(map(lookups.has_rows, sources.partitions_of(asked, lookups.tenant)))
