"""Driving a search by one of its joins, which is answered first if it leads to few resources.

The search then goes on as if the query named these resources. With a chain it also reads what
refers to contained resources: these cannot be searched for, so they are looked at one by one.
"""

from collections.abc import Iterator
from dataclasses import replace

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.errors import TooCostly
from shared.fhir.fhirjson import Resource
from shared.search.plan import planner
from shared.search.plan.criterion_partitions import estimated_matches, partitions_of
from shared.search.plan.plans import Plan
from shared.search.query.controls import Controls, SortKey
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.joins import Chain, Has, Join, JoinCondition, joined_types
from shared.search.query.operands import ContainedOperand, Operand, ReferenceOperand, TokenOperand
from shared.search.run import reading
from shared.search.run.lookups import Lookups
from shared.search.run.referrers import has_rows
from shared.store.index import readiness

# The value of `Query.driving_join` if no join is answered first.
NO_JOIN = -1
# A value that no more resources share than these is read directly, rather than through a join.
_COMMON = 1_000
# How many resources a join may lead to: when it is chosen, and on later pages. Each of them may be
# a partition to read.
_MOST, _MOST_LATER = 100, 200
# The values of `Plan.source_name` for the listings of open resources, which stay short.
_OPEN = frozenset({"open", "open-threads", "open-parts, open-threads"})


class _TooManyLinked(Exception):
    """A join leads to too many resources, or to find them takes too many reads."""


def with_driving_join(query: Query, lookups: Lookups, chosen: int | None) -> Query:
    """Return the query with one of its joins replaced by the resources that it leads to.

    `chosen` is the number of the join that the page before has chosen, None on the first page.
    Raises TooCostly if that join leads to too many resources by now.
    """
    without_driving_join = replace(query, driving_join=NO_JOIN)
    if lookups.visibility.is_partial((query.type, *joined_types(query.joins))):
        # The choice depends on how many resources there are, which a caller who does not see all of
        # them must not learn.
        return without_driving_join
    if chosen == NO_JOIN or (chosen is None and _is_selective(query, lookups)):
        return without_driving_join
    most = _MOST if chosen is None else _MOST_LATER
    for number, join in enumerate(query.joins):
        if chosen in (None, number):
            try:
                return _with_names(query, number, _linked_names(join, lookups, most), lookups)
            except _TooManyLinked:
                if chosen is not None:
                    raise TooCostly(
                        f"{join.text} now leads to more than {most} resources",
                        expression=join.text.partition("=")[0],
                        diagnostics="Start again from the first page",
                    ) from None
    return without_driving_join


def _is_selective(query: Query, lookups: Lookups) -> bool:
    """Return whether a query has a value of its own that few resources share."""
    return any(
        (criterion.param.index is Index.KEY and not criterion.modifier)
        or (
            criterion.param.spread == 1
            and estimated_matches(criterion) <= _COMMON
            and partitions_of(criterion, lookups.tenant)
        )
        for criterion in query.criteria
    )


def _linked_names(join: Join, lookups: Lookups, most: int) -> list[str]:
    """Return the `Type/id` of what a join leads to. Raises _TooManyLinked."""
    names = sorted(set(_names(join, lookups, most)))
    if len(names) > most:
        raise _TooManyLinked
    return names


def _names(join: Join, lookups: Lookups, most: int) -> Iterator[str]:
    if isinstance(join, Has):
        for resource in _matching_resources(join.param.resource, join.condition, lookups, most):
            yield from lookups.targets(resource, join.param)
        return
    if not readiness.is_partitioned(join.param):
        raise _TooManyLinked
    for resource_type, condition in join.branches:
        # That is `part-of`: a message's leads to a header, so messages need not be searched.
        is_headers_only = join.param.keyed_target == join.param.resource == resource_type
        for resource in _matching_resources(
            resource_type, condition, lookups, most, is_headers_only=is_headers_only
        ):
            yield f"{resource_type}/{resource['id']}"


def _matching_resources(
    resource_type: str,
    condition: JoinCondition,
    lookups: Lookups,
    most: int,
    *,
    is_headers_only: bool = False,
) -> list[Resource]:
    """Return the resources of a type that match a condition. Raises _TooManyLinked."""
    criteria, joins = ((condition,), ()) if isinstance(condition, Criterion) else ((), (condition,))
    query = Query(
        type=resource_type,
        criteria=criteria,
        joins=joins,
        controls=Controls(count=most),
        zone=lookups.zone,
        applied=(),
        warnings=(),
        is_headers_only=is_headers_only,
    )
    if joins:
        query = with_driving_join(query, lookups, None)
    plan = planner.plan(query, lookups.visibility)
    if not (_reads_few_rows(plan, resource_type) or _is_of_contained(query)):
        raise _TooManyLinked
    with lookups.budget.reserved(lookups.budget.left - 2 * most):
        page = reading.read_page(plan, query, lookups, None)
    if page.next or page.is_partial:
        raise _TooManyLinked
    return [lookups.loads(json) for json in page.resources]


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
    join, controls = query.joins[number], query.controls
    joins = tuple(other for other in query.joins if other is not join)
    operands: list[Operand] = []
    if isinstance(join, Chain):
        operands += (ReferenceOperand(name, name.partition("/")[0]) for name in names)
        if _has_contained(join.param, lookups):
            # Contained targets are looked at one by one; for all others the answer is known.
            lookups.set_answers(join, names)
            operands, joins = [*operands, ContainedOperand()], query.joins
    if operands:
        criterion = Criterion(join.param, "", tuple(operands), query.zone, join.text)
    else:
        criterion = _by_id(join, names, query)
        # Other ids may match by the next page, so pages follow the order of ids.
        by_id = (SortKey(criterion.param, descending=False),)
        controls = replace(controls, sort=controls.sort or by_id)
    criteria = (*query.criteria, criterion)
    return replace(query, criteria=criteria, joins=joins, controls=controls, driving_join=number)


def _by_id(join: Join, names: list[str], query: Query) -> Criterion:
    prefix = f"{query.type}/"
    ids = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
    operands = tuple(TokenOperand(None, resource_id) for resource_id in ids)
    return Criterion(SEARCH_PARAMS.of(query.type)["_id"], "", operands, query.zone, join.text)


def _has_contained(param: SearchParam, lookups: Lookups) -> bool:
    """Return whether any resource refers to a contained one by a parameter."""
    criterion = Criterion(param, "", (ContainedOperand(),), lookups.zone, "")
    return any(
        has_rows(lookups, partition) for partition in partitions_of(criterion, lookups.tenant)
    )
