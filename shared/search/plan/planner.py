"""How a query is answered: the one plan of a request."""

from collections.abc import Collection

from shared.access.visibility import Sight
from shared.errors import TooCostly
from shared.fhir import references
from shared.search.plan import compartment_sources, plans, sources, windows
from shared.search.plan.plans import Plan
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.operands import ReferenceOperand, TokenOperand
from shared.store.index import order
from shared.store.index.order import Order

# What is read for each of them is not bounded by the rows that a request may read.
MOST_SESSIONS, MOST_IDS = 50, 1000


def plan(query: Query, tenant: str, sight: Sight | None = None) -> Plan:
    """Choose how to answer a query; `sight` is of a caller who may not see everything.

    Raises TooCostly.
    """
    return _of_sessions(query, sight) or _of_ids(query) or _of_partitions(query, tenant, sight)


def _of_sessions(query: Query, sight: Sight | None) -> Plan | None:
    """Plan on effective sessions: a message has one, so all criteria must name it."""
    asked = [one for one in query.criteria if not one.param.expression]
    if not asked:
        return None
    by = order.ORDERS[query.type]
    ordered, forward = _direction(query, by)
    named = frozenset.intersection(*(_named(criterion) for criterion in asked))
    return Plan(
        reads="session",
        predicates=tuple(one for one in query.criteria if one not in asked),
        sort=() if ordered else query.controls.sort,
        sessions=frozenset(filter(sight.sees_encounter, named)) if sight else named,
        window=windows.of(query.criteria, by)[0],
        ordered=ordered,
        forward=forward,
    )


def _named(criterion: Criterion) -> frozenset[str]:
    """Give the ids that a criterion names of its parameter's one type."""
    asked = [one for one in criterion.operands if isinstance(one, ReferenceOperand)]
    whole = ((one.text, f"{one.types[0]}/{one.text}") for one in asked if one.bare)
    typed = ((one.text.rpartition("/")[2], one.text) for one in asked if not one.bare)
    target = criterion.param.targets[0]
    ids = frozenset(key for key, text in (*whole, *typed) if text == f"{target}/{key}")
    _check_number(ids, MOST_SESSIONS, criterion)
    return frozenset(filter(references.ID.fullmatch, ids))


def _check_number(ids: Collection[str], most: int, criterion: Criterion) -> None:
    """Raise TooCostly where a search names more than one request may read."""
    if len(ids) > most:
        code = criterion.param.code
        raise TooCostly(f"At most {most} values of {code} in one search", expression=code)


def _of_ids(query: Query) -> Plan | None:
    for criterion in query.criteria:
        if criterion.param.code == "_id" and criterion.modifier == "":
            asked = [one for one in criterion.operands if isinstance(one, TokenOperand)]
            ids = tuple(dict.fromkeys(one.code for one in asked if one.code and not one.system))
            _check_number(ids, MOST_IDS, criterion)
            return Plan("_id", query.criteria, query.controls.sort, ids)
    return None


def _of_partitions(query: Query, tenant: str, sight: Sight | None) -> Plan:
    people = sight.people(query.type) if sight else None
    if sight and people is not None:
        source = compartment_sources.choose(query, sight, people)
    else:
        source = sources.choose(query, tenant)
    read = windows.of(query.criteria, source.by)
    ordered, forward = _direction(query, source.by)
    # Words are read in their own order.
    forward = forward or source.words is not None
    return Plan(
        reads=source.reads,
        predicates=tuple(one for one in query.criteria if one not in source.answers),
        sort=() if ordered else query.controls.sort,
        steps=plans.steps(source, read, ordered=ordered, forward=forward),
        window=read[0],
        ordered=ordered,
        forward=forward,
    )


def _direction(query: Query, by: Order) -> tuple[bool, bool]:
    """Tell whether the order of dates is the one asked for, and whether it is read forward.

    Without a sort the order is that of the keys, from the last back: the newest first.
    """
    if len(query.controls.sort) == 1 and query.controls.sort[0].param.code == by.param:
        return True, not query.controls.sort[0].descending
    return False, False
