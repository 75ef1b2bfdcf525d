"""How a query is answered: which partitions are read, in which order, and what is left to check."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.index import order, partitions
from shared.index.kinds import KINDS, Kind
from shared.index.order import Order
from shared.index.values import Reference, Token, path
from shared.search import windows
from shared.search.criteria import Criterion, Query, SortKey
from shared.search.matching import matches
from shared.search.operands import ReferenceOperand, TokenOperand
from shared.search.windows import KeyRange, Window

# More partitions than these cost more than reading a listing.
MOST_PARTITIONS = 200
MESSAGE = "m#"


@dataclass(frozen=True, slots=True)
class Stream:
    """Ranges of one partition, in the order of its keys.

    Streams are merged by what follows the first `cut` characters of their sort keys. Of what
    `without` matches another stream gives the rows.
    """

    table: str
    partition: str
    ranges: tuple[KeyRange, ...]
    cut: int = 0
    without: Criterion | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Partitions that hold every match, in one order, and the criteria of which that is the answer.

    `kinds` are the prefixes of the sort keys to read.
    """

    reads: str
    partitions: tuple[tuple[str, str], ...]
    by: Order
    kinds: tuple[str, ...] = ("",)
    answers: tuple[Criterion, ...] = ()
    without: Criterion | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is read and what is left to do, loggable as it is.

    Exactly one of `ids` (direct reads), `sessions` (the threads of sessions) and `source` says what
    is read. Steps follow each other, the streams of a step are merged. `predicates` are checked on
    every row, `sort` is what the order of keys does not give.
    """

    reads: str
    predicates: tuple[Criterion, ...]
    ids: tuple[str, ...] | None = None
    sessions: frozenset[str] | None = None
    steps: tuple[tuple[Stream, ...], ...] = ()
    window: Window = Window()
    forward: bool = False
    ordered: bool = False
    sort: tuple[SortKey, ...] = ()


def plan(query: Query, tenant: str) -> Plan:
    """Choose how to answer a query."""
    special = _of_sessions(query) or _of_ids(query)
    if special:
        return special
    states = _allowed(query)
    source = _source(query, tenant, states)
    window = windows.of(query.criteria, source.by)
    ordered, forward = _direction(query, source.by)
    return Plan(
        reads=source.reads,
        predicates=tuple(one for one in query.criteria if one not in source.answers),
        steps=steps(source, window, ordered=ordered, forward=forward) if source.kinds else (),
        window=window,
        forward=forward,
        ordered=ordered,
        sort=() if ordered else query.sort,
    )


def _direction(query: Query, by: Order) -> tuple[bool, bool]:
    """Tell whether keys are in the order asked for, and whether they are read forward.

    Without a sort the order is that of the keys, from the newest back.
    """
    if len(query.sort) == 1 and query.sort[0].param.code == by.param:
        return True, not query.sort[0].descending
    return False, False


def _of_ids(query: Query) -> Plan | None:
    for criterion in query.criteria:
        if criterion.param.code == "_id" and criterion.modifier == "":
            asked = [one for one in criterion.operands if isinstance(one, TokenOperand)]
            ids = tuple(dict.fromkeys(one.code for one in asked if one.code and not one.system))
            return Plan("_id", query.criteria, ids=ids, sort=query.sort)
    return None


def _of_sessions(query: Query) -> Plan | None:
    """Plan on effective sessions, of which a message must have one that every criterion names."""
    asked = [one for one in query.criteria if not one.param.expression]
    if not asked:
        return None
    ordered, forward = _direction(query, order.ORDERS[query.type])
    return Plan(
        reads="session",
        predicates=tuple(one for one in query.criteria if one not in asked),
        sessions=frozenset.intersection(*(_encounters(criterion) for criterion in asked)),
        window=windows.of(query.criteria, order.ORDERS[query.type]),
        forward=forward,
        ordered=ordered,
        sort=() if ordered else query.sort,
    )


def _encounters(criterion: Criterion) -> frozenset[str]:
    asked = (one for one in criterion.operands if isinstance(one, ReferenceOperand))
    target = criterion.param.targets[0]
    return frozenset(
        one.text if one.bare else one.text.removeprefix(f"{target}/")
        for one in asked
        if one.bare or one.text == f"{target}/{one.text.rpartition('/')[2]}"
    )


type _States = dict[Kind, frozenset[str]]


def _allowed(query: Query) -> _States:
    """Give which statuses of each kind the criteria on status and on having a `partOf` allow."""
    asked = [one for one in query.criteria if one.param.code == "status"]
    parts = {part for one in query.criteria for part in _parts(one)}
    return {
        kind: frozenset(
            status
            for status in kind.statuses
            if kind.part not in {not part for part in parts}
            and all(matches({"status": status}, criterion) for criterion in asked)
        )
        for kind in KINDS[query.type]
    }


def _parts(criterion: Criterion) -> Iterator[bool]:
    """Give whether a criterion asks for a `partOf` to be there, if it says so."""
    if criterion.param.code == "part-of" and criterion.param.resource == "Communication":
        missing = criterion.operands[0] if criterion.modifier == "missing" else False
        yield not missing


def _source(query: Query, tenant: str, states: _States) -> Source:
    """Choose the partitions to read: those of the value that fewest share, or a listing."""
    valued = [
        (criterion.param.common * len(found), index, found)
        for index, criterion in enumerate(query.criteria)
        if (found := _partitions(criterion, tenant))
    ]
    by_update = any(code == order.UPDATED.param for code in _codes(query))
    for _, index, found in sorted(valued):
        criterion = query.criteria[index]
        if len(found) <= MOST_PARTITIONS and not (by_update and criterion.param.spread > 1):
            return _of_value(query, criterion, found, states)
    return _listing(query, tenant, states)


def _codes(query: Query) -> Iterator[str]:
    """Give the parameters that the query looks at or sorts by."""
    yield from (criterion.param.code for criterion in query.criteria)
    yield from (key.param.code for key in query.sort)


def _of_value(
    query: Query, criterion: Criterion, found: list[tuple[str, str]], states: _States
) -> Source:
    threads = [one for one in found if one[0] == patterns.THREAD]
    kinds, answers = _kinds(query, states)
    if threads:
        parts = tuple(one for one in query.criteria if one.modifier == "missing" and any(_parts(one)))
        answers = parts
        kinds = (MESSAGE,) if any(states.values()) else ()
    if _is_answered(criterion):
        answers = (*answers, criterion)
    return Source(
        criterion.param.code, tuple(found), order.ORDERS[query.type], kinds, answers
    )
