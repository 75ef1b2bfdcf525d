"""The choice of the partitions that answer a query, and of the criteria that these answer."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import encode_segment
from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.fhir import words
from shared.fhir.search_values import Reference, Token, parse_path
from shared.search.plan.plans import Source, WordRanges
from shared.search.plan.windows import KeyRange
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.matching import matches
from shared.search.query.operands import ContainedOperand, Operand, ReferenceOperand, TokenOperand
from shared.store.index import order, partitions, readiness
from shared.store.index.row_kinds import KINDS, RowKind, has_several_kinds

type Partition = tuple[str, str]
# Of each kind of rows the statuses that a query asks for.
type States = dict[RowKind, frozenset[str]]

# How many times more resources share the beginning of a word if it has no letter, one or two. From
# three letters on it is selective.
_FEWER = (1000, 100, 10)
_BY_WORD = order.Order("", 0)
# To read more partitions than these costs more than to read a listing.
MOST_PARTITIONS = 500
# A value that so many share is found sooner in the listing of what changed last, if a search
# filters or sorts by that.
MOST_SORTED = 1_000_000


def choose(query: Query, tenant: str) -> Source:
    """Return the source of the value that fewest resources share; without one, of a listing."""
    wanted = _wanted_statuses(query)
    for criterion in query.criteria:
        if _is_impossible(criterion):
            return Source(criterion.param.code, (), order.ORDERS[query.type])
    by_update = order.UPDATED.param in _codes_in_use(query)
    candidates = [(criterion, partitions_of(criterion, tenant)) for criterion in query.criteria]
    candidates.sort(key=lambda candidate: estimated_matches(candidate[0]) * len(candidate[1]))
    for criterion, selected in candidates:
        is_too_common = by_update and criterion.param.resources_per_value >= MOST_SORTED
        if 0 < len(selected) <= MOST_PARTITIONS and not is_too_common:
            return for_criterion(query, criterion, selected, tenant)
    return _listing(query, tenant, wanted)


def estimated_matches(criterion: Criterion) -> int:
    """Return about how many resources share a value of a criterion; fewer, the longer a word is."""
    if criterion.param.type != "string":
        return criterion.param.resources_per_value
    letters = min(len(str(operand)) for operand in criterion.operands)
    if letters < len(_FEWER):
        return criterion.param.resources_per_value * _FEWER[letters]
    return max(criterion.param.resources_per_value - letters, 1)


def for_criterion(
    query: Query, criterion: Criterion, selected: list[Partition], tenant: str
) -> Source:
    """Return the source of the partitions that a criterion selects."""
    if criterion.param.type == "string":
        return _for_words(criterion, selected, tenant)
    return _for_values(query, criterion, selected, _wanted_statuses(query))


def _for_words(criterion: Criterion, selected: list[Partition], tenant: str) -> Source:
    """Return the source of the ranges of words that a string criterion's values begin."""
    ranges: dict[str, list[KeyRange]] = {}
    for low, high in sorted(map(_range_of_words, criterion.operands)):
        partition_ranges = ranges.setdefault(partitions.of_word(tenant, criterion.param, low), [])
        if partition_ranges and low <= partition_ranges[-1][1]:
            partition_ranges[-1] = (partition_ranges[-1][0], max(high, partition_ranges[-1][1]))
        else:
            partition_ranges.append((low, high))
    word_ranges = WordRanges(
        criterion.param, {partition: tuple(key_ranges) for partition, key_ranges in ranges.items()}
    )
    return Source(criterion.param.code, tuple(selected), _BY_WORD, word_ranges=word_ranges)


def _range_of_words(operand: Operand) -> KeyRange:
    return words.key_range(words.normalize(str(operand)))


def kind_runs(query: Query) -> tuple[tuple[str, ...], ...]:
    """Return the prefixes of the kinds of rows that a query needs, adjacent ones together."""
    runs, _ = _runs_and_answers(query, _wanted_statuses(query))
    return runs


def _codes_in_use(query: Query) -> list[str]:
    """Return the codes of the parameters that a query filters or sorts by."""
    params = (
        *(criterion.param for criterion in query.criteria),
        *(key.param for key in query.controls.sort),
    )
    return [param.code for param in params]


def partitions_of(criterion: Criterion, tenant: str) -> list[Partition]:
    """Return the partitions that hold every match of a criterion; none if it is not indexed."""
    param = criterion.param
    has_keys = criterion.modifier == "" or (param.type, criterion.modifier) == ("string", "exact")
    if not has_keys or not readiness.is_partitioned(param):
        return []
    selected: dict[Partition, None] = {}
    for operand in criterion.operands:
        keys = list(_value_keys(param, operand))
        if not keys:
            return []
        for table, key in keys:
            names = (
                (f"{tenant}#{encode_segment(key)}",)
                if table in partitions.KEYED.values()
                else partitions.of_value(tenant, param, key)
            )
            selected.update(((table, name), None) for name in names)
    return list(selected)


def _value_keys(param: SearchParam, operand: Operand) -> Iterator[tuple[str, str]]:
    """Yield the table and the key of each value whose rows match an operand."""
    if isinstance(operand, TokenOperand) and operand.code:
        key = partitions.value_key(param, Token("", operand.code))
        if operand.system is not None:
            key = partitions.system_key(param, operand.system, operand.code) or key
        yield patterns.index_table(param.resource), key
    elif isinstance(operand, str) and param.type != "string":
        yield patterns.index_table(param.resource), operand
    elif isinstance(operand, str) and words.normalize(operand):
        yield patterns.index_table(param.resource), words.initial(_range_of_words(operand)[0])
    elif isinstance(operand, ContainedOperand):
        yield patterns.index_table(param.resource), partitions.CONTAINED
    elif isinstance(operand, ReferenceOperand):
        yield from _keys_of_reference(param, operand)


def _keys_of_reference(param: SearchParam, operand: ReferenceOperand) -> Iterator[tuple[str, str]]:
    keyed_part, table = _keyed_part(param, operand), patterns.index_table(param.resource)
    if keyed_part:
        yield partitions.KEYED[param.keyed_target], keyed_part.text.partition("/")[2]
    if not operand.is_bare_id:
        key = partitions.value_key(param, Reference(operand.text, operand.type))
        if key:
            yield table, key
    elif not param.is_by_id:
        others = (target for target in param.targets if target != param.keyed_target)
        yield from ((table, f"{target}/{operand.text}") for target in others)
    else:
        yield table, operand.text


def _keyed_part(param: SearchParam, operand: ReferenceOperand) -> ReferenceOperand | None:
    """Return the part of an operand that the resource tables' own keys answer, if any."""
    if operand.is_bare_id:
        typed = ReferenceOperand(f"{param.keyed_target}/{operand.text}", param.keyed_target)
        return typed if param.keyed_target else None
    return operand if partitions.is_keyed(param, Reference(operand.text, operand.type)) else None


def _is_impossible(criterion: Criterion) -> bool:
    """Return whether a criterion asks only for types that its parameter never refers to."""
    only_type = parse_path(criterion.param.expression).only if criterion.param.expression else ""
    return bool(only_type and not criterion.modifier) and all(
        isinstance(operand, ReferenceOperand) and operand.type not in ("", only_type)
        for operand in criterion.operands
    )


def _is_answered(criterion: Criterion) -> bool:
    """Return whether everything in a criterion's partitions matches it."""
    return all(_is_exact(criterion.param, operand) for operand in criterion.operands)


def _is_exact(param: SearchParam, operand: Operand) -> bool:
    if isinstance(operand, TokenOperand):
        return operand.system is None and not parse_path(param.expression).where
    if isinstance(operand, ReferenceOperand):
        if operand.text.startswith(partitions.CONTAINED):
            return False
        only_type = parse_path(param.expression).only
        of_type = operand.is_bare_id or only_type in ("", operand.type)
        return of_type and bool(
            not param.is_by_id or (_keyed_part(param, operand) and not operand.is_bare_id)
        )
    return isinstance(operand, str)


def _for_values(
    query: Query, criterion: Criterion, selected: list[Partition], wanted: States
) -> Source:
    threads = [table for table, _ in selected if table == patterns.THREAD]
    runs, answers = _runs_and_answers(query, wanted)
    if threads:
        # A thread's own partition holds messages of every status, so the status must be checked.
        answers = tuple(answer for answer in answers if answer.param.code != "status")
    if _is_answered(criterion):
        answers = (*answers, criterion)
    without = None
    if threads and len(threads) < len(selected):
        operands = [
            operand for operand in criterion.operands if isinstance(operand, ReferenceOperand)
        ]
        keyed = tuple(
            keyed_part
            for operand in operands
            if (keyed_part := _keyed_part(criterion.param, operand))
        )
        without = replace(criterion, operands=keyed)
    by = order.ORDERS[query.type]
    return Source(
        criterion.param.code,
        tuple(selected) if runs else (),
        by,
        runs,
        answers,
        without,
        record_prefix=partitions.record_prefix(query.type),
    )


def _wanted_statuses(query: Query) -> States:
    """Return which statuses of each kind match the criteria on `status` and `part-of`."""
    on_status = [criterion for criterion in query.criteria if _is_on_status(criterion)]
    wanted_parts = {
        has_part for criterion in query.criteria for has_part in _wants_part_of(criterion)
    }
    return {
        kind: frozenset(
            status
            for status in kind.statuses
            if all(kind.part in (None, has_part) for has_part in wanted_parts)
            and all(matches({"status": status}, criterion) for criterion in on_status)
        )
        for kind in KINDS[query.type]
        if kind.listing or not query.is_headers_only
    }


def _is_on_status(criterion: Criterion) -> bool:
    """Return whether a criterion is on the status by which rows are divided into kinds."""
    return criterion.param.code == "status" and has_several_kinds(criterion.param.resource)


def _wants_part_of(criterion: Criterion) -> Iterator[bool]:
    """Yield whether a criterion on `part-of` wants a value there; nothing for other criteria."""
    if criterion.param.code == "part-of":
        yield not (criterion.modifier == "missing" and criterion.operands[0])


def _runs_and_answers(
    query: Query, wanted: States
) -> tuple[tuple[tuple[str, ...], ...], tuple[Criterion, ...]]:
    """Return the runs of kinds to read in partitions of rows, and the criteria that they answer."""
    prefixes = {kind.prefix for kind, statuses in wanted.items() if statuses}
    kinds = [kind for kind in wanted if kind.prefix in prefixes]
    all_prefixes = dict.fromkeys(kind.prefix for kind in wanted)
    runs = tuple(
        tuple(run)
        for is_wanted, run in groupby(all_prefixes, key=prefixes.__contains__)
        if is_wanted
    )
    return runs, _answers(query, kinds, wanted)


def _answers(query: Query, kinds: list[RowKind], wanted: States) -> tuple[Criterion, ...]:
    """Return the criteria on status and `part-of:missing` that are true of all the kinds read."""
    are_statuses_wanted = all(kind.statuses <= wanted[kind] for kind in kinds)
    are_by_part = all(kind.part is not None for kind in kinds)
    return tuple(
        criterion
        for criterion in query.criteria
        if (_is_on_status(criterion) and are_statuses_wanted)
        or (
            criterion.modifier == "missing"
            and are_by_part
            and any(True for _ in _wants_part_of(criterion))
        )
    )


def _listing(query: Query, tenant: str, wanted: States) -> Source:
    """Return the source of the listings that the wanted kinds have, or else of the whole type's."""
    names = {kind.listing for kind, statuses in wanted.items() if statuses}
    by_date = order.ORDERS[query.type]
    if all(names):
        kinds = [kind for kind in wanted if kind.listing in names]
        answers = _answers(query, kinds, wanted)
        by = by_date if query.type == "Encounter" else order.UPDATED
        return _of_listings(query, tenant, sorted(names), by, answers)
    date_param = SEARCH_PARAMS.of(query.type).get(by_date.param)
    is_listed = date_param is not None and date_param.index is Index.LISTING
    sorts_by_update = any(key.param.code == order.UPDATED.param for key in query.controls.sort)
    if is_listed and by_date.param in _codes_in_use(query) and not sorts_by_update:
        return _of_listings(query, tenant, [by_date.param], by_date)
    return _of_listings(query, tenant, [order.UPDATED.param], order.UPDATED)


def _of_listings(
    query: Query,
    tenant: str,
    names: list[str],
    by: order.Order,
    answers: tuple[Criterion, ...] = (),
) -> Source:
    selected = tuple(
        (patterns.index_table(query.type), partition)
        for name in names
        for partition in partitions.listing(tenant, query.type, name)
    )
    return Source(", ".join(names), selected, by, answered_criteria=answers)
