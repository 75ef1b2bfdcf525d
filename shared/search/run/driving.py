"""Driving a search by one of its joins, which is answered first if it leads to few resources.

The search then goes on as if the query named these resources. With a chain it also reads what
refers to contained resources: these cannot be searched for, so they are looked at one by one.
"""

from dataclasses import replace

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.errors import TooCostly
from shared.search.plan import planner, sources
from shared.search.plan.plans import Plan
from shared.search.query.controls import Controls, SortKey
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.joins import Chain, Join, JoinCondition, joined_types
from shared.search.query.operands import ContainedOperand, Operand, ReferenceOperand, TokenOperand
from shared.search.run import reading
from shared.search.run.lookups import Lookups, Resource
from shared.search.run.referrers import has_rows
from shared.store.index import readiness

# The value of `Query.via` if no join is answered first.
NO_JOIN = -1
# A value that no more resources share than these is read directly, rather than through a join.
_COMMON = 1_000
# How many resources a join may lead to: when it is chosen, and on later pages. Each of them may be
# a partition to read.
_MOST, _MOST_LATER = 100, 200
# `Plan.reads` of the listings of open resources, which stay short.
_OPEN = frozenset({"open", "open-threads", "open-parts, open-threads"})


def with_driving_join(query: Query, lookups: Lookups, via: int | None) -> Query:
    """Return the query with one of its joins replaced by the resources that it leads to.

    `via` is the number of the join that the page before has chosen, None on the first page. Raises
    TooCostly if that join leads to too many resources by now.
    """
    if lookups.visibility.is_partial((query.type, *joined_types(query.joins))):
        # The choice depends on how many resources there are, which a caller who does not see all of
        # them must not learn.
        return replace(query, driving_join=NO_JOIN)
    if not query.joins or via == NO_JOIN or (via is None and _is_selective(query, lookups)):
        return replace(query, driving_join=NO_JOIN)
    for number, join in enumerate(query.joins):
        if via in (None, number):
            most = _MOST if via is None else _MOST_LATER
            names = _linked_names(join, lookups, most)
            if names is not None:
                return _with_names(query, number, names, lookups)
            if via is not None:
                raise TooCostly(
                    f"{join} now leads to more than {most} resources",
                    expression=join.text.partition("=")[0],
                    diagnostics="Start again from the first page",
                )
    return replace(query, driving_join=NO_JOIN)


def _is_selective(query: Query, lookups: Lookups) -> bool:
    """Return whether a query has a value of its own that few resources share."""
    return any(
        (criterion.param.index is Index.KEY and not criterion.modifier)
        or (
            criterion.param.spread == 1
            and sources.estimated_matches(criterion) <= _COMMON
            and sources.partitions_of(criterion, lookups.tenant)
        )
        for criterion in query.criteria
    )


def _linked_names(join: Join, lookups: Lookups, most: int) -> list[str] | None:
    """Return the `Type/id` of what a join leads to; None if that is too many, or too many reads."""
    linked: dict[str, None] = {}
    if isinstance(join, Chain):
        if not readiness.is_partitioned(join.param):
            return None
        for resource_type, condition in join.branches:
            # That is `part-of`: a message's leads to a header, so messages need not be searched.
            has_messages = join.param.keyed_target == join.param.resource == resource_type
            resources = _matching_resources(
                resource_type, condition, lookups, most, has_messages=has_messages
            )
            if resources is None:
                return None
            linked |= dict.fromkeys(f"{resource_type}/{resource['id']}" for resource in resources)
    else:
        resources = _matching_resources(join.param.resource, join.condition, lookups, most)
        if resources is None:
            return None
        linked = dict.fromkeys(
            name for resource in resources for name in lookups.targets(resource, join.param)
        )
    return sorted(linked) if len(linked) <= most else None


def _matching_resources(
    resource_type: str,
    condition: JoinCondition,
    lookups: Lookups,
    most: int,
    *,
    has_messages: bool = False,
) -> list[Resource] | None:
    criteria, joins = ((condition,), ()) if isinstance(condition, Criterion) else ((), (condition,))
    query = Query(
        type=resource_type,
        criteria=criteria,
        joins=joins,
        controls=Controls(count=most),
        zone=lookups.zone,
        applied=(),
        warnings=(),
        is_headers_only=has_messages,
    )
    if joins:
        query = with_driving_join(query, lookups, None)
    plan = planner.plan(query, lookups.visibility)
    if not (_reads_few_rows(plan, resource_type) or _is_of_contained(query)):
        return None
    with lookups.budget.reserved(lookups.budget.left - 2 * most):
        page = reading.read_page(plan, query, lookups, None)
    return (
        None if page.next or page.is_partial else [lookups.loads(json) for json in page.resources]
    )


def _reads_few_rows(plan: Plan, resource_type: str) -> bool:
    """Return whether a plan is likely to read few rows."""
    if plan.ids is not None or plan.source_name in _OPEN:
        return True
    param = SEARCH_PARAMS.of(resource_type).get(plan.source_name)
    return bool(
        param
        and readiness.is_partitioned(param)
        and param.spread == 1
        and param.resources_per_value <= _COMMON
    )


def _is_of_contained(query: Query) -> bool:
    """Return whether only resources with contained targets can match; few resources have any."""
    return any(criterion.operands == (ContainedOperand(),) for criterion in query.criteria)


def _with_names(query: Query, number: int, names: list[str], lookups: Lookups) -> Query:
    """Return the query with a join replaced by the names of the resources that it leads to."""
    join = query.joins[number]
    other_joins = tuple(other for other in query.joins if other is not join)
    if isinstance(join, Chain):
        targets = [ReferenceOperand(name, name.partition("/")[0]) for name in names]
        if _has_contained(join.param, lookups):
            # Contained targets are looked at one by one; for all others the answer is known.
            lookups.set_answers(join, names)
            criterion = _criterion(join, (*targets, ContainedOperand()), query)
            return replace(query, criteria=(*query.criteria, criterion), driving_join=number)
        if targets:
            criterion = _criterion(join, tuple(targets), query)
            return replace(
                query, criteria=(*query.criteria, criterion), joins=other_joins, driving_join=number
            )
    param = SEARCH_PARAMS.of(query.type)["_id"]
    ids = tuple(
        TokenOperand(None, name.partition("/")[2])
        for name in names
        if name.startswith(f"{query.type}/")
    )
    by_id = Criterion(param, "", ids, query.zone, join.text)
    # Other ids may match by the next page, so pages follow the order of ids.
    sort = query.controls.sort or (SortKey(param, descending=False),)
    controls = replace(query.controls, sort=sort)
    return replace(
        query,
        criteria=(*query.criteria, by_id),
        joins=other_joins,
        controls=controls,
        driving_join=number,
    )


def _criterion(join: Chain, operands: tuple[Operand, ...], query: Query) -> Criterion:
    return Criterion(join.param, "", operands, query.zone, join.text)


def _has_contained(param: SearchParam, lookups: Lookups) -> bool:
    """Return whether any resource refers to a contained one by a parameter."""
    criterion = Criterion(param, "", (ContainedOperand(),), lookups.zone, "")
    return any(
        has_rows(lookups, partition)
        for partition in sources.partitions_of(criterion, lookups.tenant)
    )
