"""The choice of the partitions that answer a query, and of the criteria that these answer."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SEARCH_PARAMS, Index
from shared.search.plan.criterion_partitions import (
    Partition,
    estimated_matches,
    is_answered,
    is_impossible,
    keyed_operand,
    partitions_of,
    word_range,
)
from shared.search.plan.plans import Source, WordRanges
from shared.search.plan.windows import KeyRange, merged
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.matching import matches
from shared.store.index import order, partitions
from shared.store.index.row_kinds import KINDS, RowKind, has_several_kinds

# Of each kind of rows the statuses that a query asks for.
type Statuses = dict[RowKind, frozenset[str]]

_BY_WORD = order.Order("", 0)
# To read more partitions than these costs more than to read a listing.
MOST_PARTITIONS = 500
# A value that so many share is found sooner in the listing of what changed last, if a search
# filters or sorts by that.
MOST_SORTED = 1_000_000


def choose(query: Query, tenant: str) -> Source:
    """Return the source of the value that fewest resources share; without one, of a listing."""
    for criterion in query.criteria:
        if is_impossible(criterion):
            return Source(criterion.param.code, (), order.ORDERS[query.type])
    by_update = order.UPDATED.param in _codes_in_use(query)
    candidates = [(criterion, partitions_of(criterion, tenant)) for criterion in query.criteria]
    candidates.sort(key=lambda candidate: estimated_matches(candidate[0]) * len(candidate[1]))
    for criterion, selected in candidates:
        is_too_common = by_update and criterion.param.resources_per_value >= MOST_SORTED
        if 0 < len(selected) <= MOST_PARTITIONS and not is_too_common:
            return for_criterion(query, criterion, selected, tenant)
    return _listing(query, tenant)


def for_criterion(
    query: Query, criterion: Criterion, selected: list[Partition], tenant: str
) -> Source:
    """Return the source of the partitions that a criterion selects."""
    if criterion.param.type == "string":
        return _for_words(criterion, selected, tenant)
    return _for_values(query, criterion, selected)


def _for_words(criterion: Criterion, selected: list[Partition], tenant: str) -> Source:
    """Return the source of the ranges of words that a string criterion's values begin."""
    ranges: dict[str, list[KeyRange]] = {}
    for key_range in map(word_range, criterion.operands):
        partition = partitions.of_word(tenant, criterion.param, key_range[0])
        ranges.setdefault(partition, []).append(key_range)
    word_ranges = WordRanges(
        criterion.param,
        {partition: tuple(merged(key_ranges)) for partition, key_ranges in ranges.items()},
    )
    return Source(criterion.param.code, tuple(selected), _BY_WORD, word_ranges=word_ranges)


def _for_values(query: Query, criterion: Criterion, selected: list[Partition]) -> Source:
    threads = [table for table, _ in selected if table == patterns.THREAD]
    wanted = wanted_statuses(query)
    runs = kind_runs(wanted)
    kinds = [kind for kind in wanted if any(kind.prefix in run for run in runs)]
    answers = _answered_criteria(query, kinds, wanted)
    if threads:
        # A thread's own partition holds messages of every status, so the status must be checked.
        answers = tuple(answer for answer in answers if answer.param.code != "status")
    if is_answered(criterion):
        answers = (*answers, criterion)
    excluded = None
    if threads and len(threads) < len(selected):
        keyed = (keyed_operand(criterion.param, operand) for operand in criterion.operands)
        excluded = replace(criterion, operands=tuple(filter(None, keyed)))
    return Source(
        criterion.param.code,
        tuple(selected) if runs else (),
        order.ORDERS[query.type],
        runs,
        answers,
        excluded,
        record_prefix=partitions.record_prefix(query.type),
    )


def _codes_in_use(query: Query) -> list[str]:
    """Return the codes of the parameters that a query filters or sorts by."""
    params = [criterion.param for criterion in query.criteria]
    return [param.code for param in (*params, *(key.param for key in query.controls.sort))]


def _listing(query: Query, tenant: str) -> Source:
    """Return the source of the listings that the wanted kinds have, or else of the whole type's."""
    wanted = wanted_statuses(query)
    names = {kind.listing for kind, statuses in wanted.items() if statuses}
    by_date = order.ORDERS[query.type]
    if all(names):
        kinds = [kind for kind in wanted if kind.listing in names]
        answers = _answered_criteria(query, kinds, wanted)
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


def wanted_statuses(query: Query) -> Statuses:
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


def kind_runs(wanted: Statuses) -> tuple[tuple[str, ...], ...]:
    """Return the prefixes of the kinds of rows that are wanted, adjacent ones together."""
    prefixes = {kind.prefix for kind, statuses in wanted.items() if statuses}
    all_prefixes = dict.fromkeys(kind.prefix for kind in wanted)
    runs = groupby(all_prefixes, key=prefixes.__contains__)
    return tuple(tuple(run) for is_wanted, run in runs if is_wanted)


def _answered_criteria(
    query: Query, kinds: list[RowKind], wanted: Statuses
) -> tuple[Criterion, ...]:
    """Return the criteria on status and `part-of:missing` that are true of all the kinds read."""
    are_statuses_wanted = all(kind.statuses <= wanted[kind] for kind in kinds)
    are_by_part = all(kind.part is not None for kind in kinds)
    return tuple(
        criterion
        for criterion in query.criteria
        if (_is_on_status(criterion) and are_statuses_wanted)
        or (criterion.modifier == "missing" and are_by_part and [*_wants_part_of(criterion)])
    )


def _is_on_status(criterion: Criterion) -> bool:
    """Return whether a criterion is on the status by which rows are divided into kinds."""
    return criterion.param.code == "status" and has_several_kinds(criterion.param.resource)


def _wants_part_of(criterion: Criterion) -> Iterator[bool]:
    """Yield whether a criterion on `part-of` wants a value there; nothing for other criteria."""
    if criterion.param.code == "part-of":
        yield not (criterion.modifier == "missing" and criterion.operands[0])
