"""Which partitions can answer a query, and which criteria they leave nothing to check of."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import segment
from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.fhir import words
from shared.fhir.search_values import Reference, Token, path
from shared.search.plan.plans import Source, Words
from shared.search.plan.windows import KeyRange
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.matching import matches
from shared.search.query.operands import ContainedOperand, Operand, ReferenceOperand, TokenOperand
from shared.store.index import order, partitions, readiness
from shared.store.index.row_kinds import KINDS, Kind, are_by_status

type Partition = tuple[str, str]
type States = dict[Kind, frozenset[str]]

# Of three letters on a word is known by few: by how many more of fewer letters.
_FEWER = (1000, 100, 10)
_BY_WORD = order.Order("", 0)
# Reading more partitions than these costs more than reading a listing.
MOST_PARTITIONS = 500
# What so many share is found sooner in the listing of what changed last, where that is the order.
MOST_SORTED = 1_000_000


def choose(query: Query, tenant: str) -> Source:
    """Choose the partitions of the value that fewest resources share; without one, a listing."""
    states = _allowed(query)
    for criterion in query.criteria:
        if _is_impossible(criterion):
            return Source(criterion.param.code, (), order.ORDERS[query.type])
    by_update = order.UPDATED.param in _codes(query)
    found = [(one, partitions_of(one, tenant)) for one in query.criteria]
    found.sort(key=lambda one: common(one[0]) * len(one[1]))
    for criterion, parts in found:
        is_wide = by_update and criterion.param.common >= MOST_SORTED
        if 0 < len(parts) <= MOST_PARTITIONS and not is_wide:
            return of_value(query, criterion, parts, tenant)
    return _listing(query, tenant, states)


def common(criterion: Criterion) -> int:
    """Give about how many resources share a value that is asked for: few, one of many letters."""
    if criterion.param.type != "string":
        return criterion.param.common
    letters = min(len(str(one)) for one in criterion.operands)
    if letters < len(_FEWER):
        return criterion.param.common * _FEWER[letters]
    return max(criterion.param.common - letters, 1)


def of_value(query: Query, criterion: Criterion, found: list[Partition], tenant: str) -> Source:
    """Choose the partitions of a criterion."""
    if criterion.param.type == "string":
        return _of_words(criterion, found, tenant)
    return _of_value(query, criterion, found, _allowed(query))


def _of_words(criterion: Criterion, found: list[Partition], tenant: str) -> Source:
    """Choose the stretches of words that texts begin with."""
    ranges: dict[str, list[KeyRange]] = {}
    for low, high in sorted(map(_between, criterion.operands)):
        read = ranges.setdefault(partitions.of_word(tenant, criterion.param, low), [])
        if read and low <= read[-1][1]:
            read[-1] = (read[-1][0], max(high, read[-1][1]))
        else:
            read.append((low, high))
    read_words = Words(criterion.param, {name: tuple(each) for name, each in ranges.items()})
    return Source(criterion.param.code, tuple(found), _BY_WORD, words=read_words)


def _between(operand: Operand) -> KeyRange:
    return words.between(words.normal(str(operand)))


def runs(query: Query) -> tuple[tuple[str, ...], ...]:
    """Give the kinds that a query asks for, those together that follow each other."""
    found, _ = _kinds(query, _allowed(query))
    return found


def _codes(query: Query) -> list[str]:
    """Give the parameters that a query looks at or sorts by."""
    params = (*(one.param for one in query.criteria), *(key.param for key in query.controls.sort))
    return [param.code for param in params]


def partitions_of(criterion: Criterion, tenant: str) -> list[Partition]:
    """Give the partitions that hold every match of a criterion; none where no partitions do."""
    param = criterion.param
    is_found = criterion.modifier == "" or (param.type, criterion.modifier) == ("string", "exact")
    if not is_found or not readiness.is_partitioned(param):
        return []
    found: dict[Partition, None] = {}
    for operand in criterion.operands:
        keys = list(_keys(param, operand))
        if not keys:
            return []
        for table, key in keys:
            names = (
                (f"{tenant}#{segment(key)}",)
                if table in partitions.KEYED.values()
                else partitions.of_value(tenant, param, key)
            )
            found.update(((table, name), None) for name in names)
    return list(found)


def _keys(param: SearchParam, operand: Operand) -> Iterator[tuple[str, str]]:
    """Give the table and key that an operand's matches are under."""
    if isinstance(operand, TokenOperand) and operand.code:
        key = partitions.value_key(param, Token("", operand.code))
        if operand.system is not None:
            key = partitions.by_system(param, operand.system, operand.code) or key
        yield patterns.table_of_rows(param.resource), key
    elif isinstance(operand, str) and param.type != "string":
        yield patterns.table_of_rows(param.resource), operand
    elif isinstance(operand, str) and words.normal(operand):
        yield patterns.table_of_rows(param.resource), words.initial(_between(operand)[0])
    elif isinstance(operand, ContainedOperand):
        yield patterns.table_of_rows(param.resource), partitions.CONTAINED
    elif isinstance(operand, ReferenceOperand):
        yield from _reference_keys(param, operand)


def _reference_keys(param: SearchParam, operand: ReferenceOperand) -> Iterator[tuple[str, str]]:
    keyed, table = _keyed(param, operand), patterns.table_of_rows(param.resource)
    if keyed:
        yield partitions.KEYED[param.keyed], keyed.text.partition("/")[2]
    if not operand.bare:
        key = partitions.value_key(param, Reference(operand.text, operand.type))
        if key:
            yield table, key
    elif not param.is_by_id:
        others = (target for target in param.targets if target != param.keyed)
        yield from ((table, f"{target}/{operand.text}") for target in others)
    else:
        yield table, operand.text


def _keyed(param: SearchParam, operand: ReferenceOperand) -> ReferenceOperand | None:
    """Give the part of an operand that the resource tables' own keys answer."""
    if operand.bare:
        named = ReferenceOperand(f"{param.keyed}/{operand.text}", param.keyed)
        return named if param.keyed else None
    return operand if partitions.is_keyed(param, Reference(operand.text, operand.type)) else None


def _is_impossible(criterion: Criterion) -> bool:
    """Tell whether only references to other types are asked for than the parameter is about."""
    only = path(criterion.param.expression).only if criterion.param.expression else ""
    return bool(only and not criterion.modifier) and all(
        isinstance(one, ReferenceOperand) and one.type not in ("", only)
        for one in criterion.operands
    )


def _is_answered(criterion: Criterion) -> bool:
    """Tell whether everything in a criterion's partitions matches it."""
    return all(_is_exact(criterion.param, operand) for operand in criterion.operands)


def _is_exact(param: SearchParam, operand: Operand) -> bool:
    if isinstance(operand, TokenOperand):
        return operand.system is None and not path(param.expression).where
    if isinstance(operand, ReferenceOperand):
        if operand.text.startswith(partitions.CONTAINED):
            return False
        only = path(param.expression).only
        of_type = operand.bare or only in ("", operand.type)
        return of_type and bool(not param.is_by_id or (_keyed(param, operand) and not operand.bare))
    return isinstance(operand, str)


def _of_value(query: Query, criterion: Criterion, found: list[Partition], states: States) -> Source:
    threads = [table for table, _ in found if table == patterns.THREAD]
    runs, answers = _kinds(query, states)
    if threads:
        # A thread holds messages of all statuses.
        answers = tuple(one for one in answers if one.param.code != "status")
    if _is_answered(criterion):
        answers = (*answers, criterion)
    without = None
    if threads and len(threads) < len(found):
        asked = [one for one in criterion.operands if isinstance(one, ReferenceOperand)]
        keyed = tuple(one for asked_for in asked if (one := _keyed(criterion.param, asked_for)))
        without = replace(criterion, operands=keyed)
    by = order.ORDERS[query.type]
    return Source(
        criterion.param.code,
        tuple(found) if runs else (),
        by,
        runs,
        answers,
        without,
        recorded=partitions.recorded(query.type),
    )


def _allowed(query: Query) -> States:
    """Give which statuses of each kind the criteria on `status` and `part-of` leave."""
    asked = [one for one in query.criteria if _is_status(one)]
    parts = {part for one in query.criteria for part in _parts(one)}
    return {
        kind: frozenset(
            status
            for status in kind.statuses
            if all(kind.part in (None, part) for part in parts)
            and all(matches({"status": status}, criterion) for criterion in asked)
        )
        for kind in KINDS[query.type]
        if kind.listing or not query.threads
    }


def _is_status(criterion: Criterion) -> bool:
    """Tell whether a criterion is on the status by which rows are divided."""
    return criterion.param.code == "status" and are_by_status(criterion.param.resource)


def _parts(criterion: Criterion) -> Iterator[bool]:
    """Give whether a criterion wants `partOf` there, if it says so."""
    if criterion.param.code == "part-of":
        yield not (criterion.modifier == "missing" and criterion.operands[0])


def _kinds(
    query: Query, states: States
) -> tuple[tuple[tuple[str, ...], ...], tuple[Criterion, ...]]:
    """Give the runs of kinds to read in a partition of rows, and the criteria this answers."""
    wanted = {kind.prefix for kind, statuses in states.items() if statuses}
    read = [kind for kind in states if kind.prefix in wanted]
    order_of_kinds = dict.fromkeys(kind.prefix for kind in states)
    runs = tuple(
        tuple(run)
        for is_wanted, run in groupby(order_of_kinds, key=wanted.__contains__)
        if is_wanted
    )
    return runs, _answers(query, read, states)


def _answers(query: Query, read: list[Kind], states: States) -> tuple[Criterion, ...]:
    """Give the criteria on status and `part-of:missing` that hold for all of the kinds read."""
    exact = all(kind.statuses <= states[kind] for kind in read)
    by_part = all(kind.part is not None for kind in read)
    return tuple(
        criterion
        for criterion in query.criteria
        if (_is_status(criterion) and exact)
        or (criterion.modifier == "missing" and by_part and any(True for _ in _parts(criterion)))
    )


def _listing(query: Query, tenant: str, states: States) -> Source:
    """Choose the listings of the kinds wanted, where these have some, or one of the whole type."""
    names = {kind.listing for kind, statuses in states.items() if statuses}
    by_date = order.ORDERS[query.type]
    if all(names):
        read = [kind for kind in states if kind.listing in names]
        answers = _answers(query, read, states)
        by = by_date if query.type == "Encounter" else order.UPDATED
        return _of_listings(query, tenant, sorted(names), by, answers)
    dated = SEARCH_PARAMS.of(query.type).get(by_date.param)
    known = dated is not None and dated.index is Index.LISTING
    by_update = any(key.param.code == order.UPDATED.param for key in query.controls.sort)
    if known and by_date.param in _codes(query) and not by_update:
        return _of_listings(query, tenant, [by_date.param], by_date)
    return _of_listings(query, tenant, [order.UPDATED.param], order.UPDATED)


def _of_listings(
    query: Query,
    tenant: str,
    names: list[str],
    by: order.Order,
    answers: tuple[Criterion, ...] = (),
) -> Source:
    found = tuple(
        (patterns.table_of_rows(query.type), partition)
        for name in names
        for partition in partitions.listing(tenant, query.type, name)
    )
    return Source(", ".join(names), found, by, answers=answers)
