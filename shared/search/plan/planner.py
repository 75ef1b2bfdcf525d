"""The planner: it chooses which partitions answer a query, and what is left to check."""

from collections.abc import Collection

from shared.access.visibility import Visibility
from shared.errors import TooCostly
from shared.fhir import references
from shared.search.plan import sources, windows
from shared.search.plan.plans import Plan
from shared.search.plan.steps import reading_steps
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.operands import ReferenceOperand, TokenOperand
from shared.store.index import order
from shared.store.index.order import Order

# The budget of rows does not bound what is read for each session and id that a query names.
MOST_SESSIONS, MOST_IDS = 50, 1000


def plan(query: Query, visibility: Visibility) -> Plan:
    """Return the plan of a query, which reads nothing that the caller cannot see.

    Raises TooCostly if the query names too many resources, or would read too many threads.
    """
    return _by_sessions(query, visibility) or _by_ids(query) or _by_partitions(query, visibility)


def _by_sessions(query: Query, visibility: Visibility) -> Plan | None:
    """Plan a search by effective session; a message has one, so each criterion must name it."""
    on_session = [criterion for criterion in query.criteria if not criterion.param.expression]
    if not on_session:
        return None
    by = order.ORDERS[query.type]
    ordered, forward = _direction(query, by)
    ids = frozenset.intersection(*(_named_ids(criterion) for criterion in on_session))
    return Plan(
        source_name="session",
        predicates=tuple(criterion for criterion in query.criteria if criterion not in on_session),
        sort=() if ordered else query.controls.sort,
        sessions=frozenset(filter(visibility.sees_encounter, ids)),
        window=windows.near_and_far(query.criteria, by)[0],
        is_date_ordered=ordered,
        forward=forward,
    )


def _named_ids(criterion: Criterion) -> frozenset[str]:
    """Return the ids that a criterion names of the one type that its parameter refers to."""
    prefix = f"{criterion.param.targets[0]}/"
    ids = frozenset(
        operand.text.removeprefix(prefix)
        for operand in criterion.operands
        if isinstance(operand, ReferenceOperand)
        and (operand.is_bare_id or operand.text.startswith(prefix))
    )
    _check_number(ids, MOST_SESSIONS, criterion)
    return frozenset(filter(references.ID.fullmatch, ids))


def _check_number(ids: Collection[str], most: int, criterion: Criterion) -> None:
    """Raise TooCostly if a criterion names more resources than one request may read."""
    if len(ids) > most:
        code = criterion.param.code
        raise TooCostly(f"A search may have at most {most} values of {code}", expression=code)


def _by_ids(query: Query) -> Plan | None:
    for criterion in query.criteria:
        if criterion.param.code == "_id" and criterion.modifier == "":
            tokens = [token for token in criterion.operands if isinstance(token, TokenOperand)]
            ids = tuple(
                dict.fromkeys(token.code for token in tokens if token.code and not token.system)
            )
            _check_number(ids, MOST_IDS, criterion)
            return Plan("_id", query.criteria, query.controls.sort, ids)
    return None


def _by_partitions(query: Query, visibility: Visibility) -> Plan:
    people = visibility.compartment_owners(query.type)
    if people is None:
        source = sources.choose(query, visibility.tenant)
    else:
        from shared.search.plan import compartment_sources  # noqa: PLC0415 - staff see everything

        source = compartment_sources.choose(query, visibility, people)
    near_and_far = windows.near_and_far(query.criteria, source.order)
    ordered, forward = _direction(query, source.order)
    # Words are read in alphabetical order.
    forward = forward or source.word_ranges is not None
    return Plan(
        source_name=source.source_name,
        predicates=tuple(
            criterion for criterion in query.criteria if criterion not in source.answered_criteria
        ),
        sort=() if ordered else query.controls.sort,
        steps=reading_steps(source, near_and_far, ordered=ordered, forward=forward),
        window=near_and_far[0],
        is_date_ordered=ordered,
        forward=forward,
    )


def _direction(query: Query, by: Order) -> tuple[bool, bool]:
    """Return whether the requested order is that of dates, and whether to read it forward.

    Without a sort, rows are read in the order of their keys from the last to the first, which is
    the newest first.
    """
    if len(query.controls.sort) == 1 and query.controls.sort[0].param.code == by.param:
        return True, not query.controls.sort[0].descending
    return False, False
