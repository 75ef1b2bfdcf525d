"""A plan: which partitions a search reads, in which order, and what is left to check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SearchParam
from shared.fhir import words
from shared.fhir.search_values import values
from shared.search.plan import windows
from shared.search.plan.windows import EVERYTHING, KeyRange, Window
from shared.search.query.controls import SortKey
from shared.search.query.criterion import Criterion
from shared.store.index import long_encounters
from shared.store.index.order import Order
from shared.store.items import Item

# The only kind of rows in a thread's own partition: its messages.
MESSAGE_PREFIX = patterns.MESSAGE.prefix
# The value of `Plan.reads` if the partitions are those of the caller's compartments.
COMPARTMENT = "compartment"
# How many rows it counts to begin a partition of a later group, so that one request begins at most
# two groups.
_COST = 3
# Stands for the partition of rows that have been read already.
_HELD_PARTITION = (patterns.SEARCH, "")


@dataclass(frozen=True, slots=True)
class Stream:
    """Ranges of one partition, in the order of its sort keys.

    Streams are merged by what follows the first `cut` characters of their sort keys. Resources that
    match `without` are left out, because another stream has them. `held` are rows that have been
    read already, instead of a partition. `words` is set if the rows are in the order of words.
    `cost` is how many rows it counts to begin the stream.
    """

    table: str
    partition: str
    ranges: tuple[KeyRange, ...]
    prefix_length: int = 0
    excluded: Criterion | None = None
    preloaded: tuple[Item, ...] | None = None
    word_ranges: "WordRanges | None" = None
    cost: int = 0

    def between(self, low: str, high: str) -> "Stream":
        """Return the part of the stream between two sort keys, both included."""
        clipped = ((max(low, key_range[0]), min(high, key_range[1])) for key_range in self.ranges)
        return replace(
            self, ranges=tuple(key_range for key_range in clipped if key_range[0] <= key_range[1])
        )


@dataclass(frozen=True, slots=True)
class WordRanges:
    """The words that a string search reads: their ranges of sort keys, by partition.

    A resource has a row for each of its words; only the first row that is read counts.
    """

    param: SearchParam
    ranges: Mapping[str, tuple[KeyRange, ...]]

    def is_first_row(self, resource: dict[str, Any], sort: str) -> bool:
        """Return whether the row with this sort key is the first of the resource that is read."""
        texts = (value for value in values(resource, self.param) if isinstance(value, str))
        words_read = (word for word in words.keys(texts) if self._reads(word + words.KEY_SEPARATOR))
        return min(words_read, default="") == sort.partition(words.KEY_SEPARATOR)[0]

    def _reads(self, sort: str) -> bool:
        return any(low <= sort <= high for ranges in self.ranges.values() for low, high in ranges)


type Step = tuple[Stream, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """The partitions (table and key) that hold every match, and the criteria that they answer.

    `answers` need not be checked on rows any more. `by` is the order of their sort keys. Each of
    `runs` is the prefixes of kinds of rows that follow each other, and are read as one range. What
    matches `without` is left out of SearchTable's rows, because the thread partitions have it.
    `held` are rows beside the partitions that have been read already. `recorded` is the prefix of
    the type's rows in an Encounter's own partition. `words` are read instead, if set. `later` are
    groups of further partitions, each of which is read when the one before is exhausted. `cost` is
    how many rows it counts to begin a stream.
    """

    source_name: str
    partitions: tuple[tuple[str, str], ...]
    order: Order
    runs: tuple[tuple[str, ...], ...] = (("",),)
    answered_criteria: tuple[Criterion, ...] = ()
    excluded: Criterion | None = None
    preloaded: tuple[Item, ...] = ()
    record_prefix: str = ""
    word_ranges: WordRanges | None = None
    later_groups: tuple[tuple[tuple[str, str], ...], ...] = ()
    cost: int = 0

    @property
    def groups(self) -> "tuple[Source, ...]":
        """The source as parts that are read one after the other."""
        later = (
            replace(self, partitions=group, preloaded=(), cost=_COST) for group in self.later_groups
        )
        return (self, *later)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is answered.

    What is read is one of three: the resources with `ids`, the messages of `sessions`, or `steps`,
    one after the other, each a merge of streams. `predicates` are checked on every row, and `sort`
    has the sort keys that the order of rows does not give. `ordered` tells whether the rows are
    read in the order of their dates, and `forward` whether from the first row to the last.
    """

    source_name: str
    predicates: tuple[Criterion, ...]
    sort: tuple[SortKey, ...] = ()
    ids: tuple[str, ...] | None = None
    sessions: frozenset[str] | None = None
    steps: tuple[Step, ...] = ()
    window: Window = EVERYTHING
    is_date_ordered: bool = False
    forward: bool = False


def reading_steps(
    source: Source, near_and_far: tuple[Window, Window], *, ordered: bool, forward: bool
) -> tuple[Step, ...]:
    """Return the steps that read a source, in the order of its dates or of its keys.

    Undated resources come last in both directions, so reading backwards they are a step of their
    own. The first of the two windows is of ordinary rows, the second of the second rows of long
    Encounters.
    """
    if source.word_ranges:
        return (tuple(_in_order_of_words(source, source.word_ranges)),)
    near, far = near_and_far
    if not ordered:
        groups = source.groups
        return _without_empty(
            [(*_in_order_of_keys(group, near), *_second_rows(group, far)) for group in groups]
        )
    parts = (
        [(near, far)]
        if forward
        else [(near.dated_only, far.dated_only), (near.undated_only, far.undated_only)]
    )
    return _without_empty(
        [
            (*_in_order_of_dates(source, near_part), *_second_rows(source, far_part))
            for near_part, far_part in parts
        ]
    )


def _without_empty(steps: list[Step]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step)


def _in_order_of_words(source: Source, word_ranges: WordRanges) -> Iterator[Stream]:
    for table, partition in source.partitions:
        yield Stream(table, partition, word_ranges.ranges[partition], word_ranges=word_ranges)


def _in_order_of_keys(source: Source, window: Window) -> Iterator[Stream]:
    for table, partition in _all_partitions(source):
        ranges: list[KeyRange] = []
        for run in _runs(source, table):
            if window == EVERYTHING:
                first, last = (_ranges(table, kind, window) for kind in (run[0], run[-1]))
                ranges.append((first[0][0], last[-1][1]))
            else:
                ranges += [key_range for kind in run for key_range in _ranges(table, kind, window)]
        if ranges:
            yield _stream(source, table, partition, ranges, 0)


def _in_order_of_dates(source: Source, window: Window) -> Iterator[Stream]:
    for table, partition in _all_partitions(source):
        for kind in (kind for run in _runs(source, table) for kind in run):
            if ranges := _ranges(table, kind, window):
                yield _stream(source, table, partition, ranges, len(kind))


def _all_partitions(source: Source) -> tuple[tuple[str, str], ...]:
    return (*source.partitions, *((_HELD_PARTITION,) if source.preloaded else ()))


def _second_rows(source: Source, window: Window) -> Iterator[Stream]:
    ranges = windows.row_ranges(long_encounters.LONG_PREFIX, window)
    for table, partition in source.partitions if ranges else ():
        yield _stream(source, table, partition, ranges, len(long_encounters.LONG_PREFIX))
    if source.preloaded and ranges:
        yield _stream(source, *_HELD_PARTITION, windows.row_ranges("", window), 0)


def _runs(source: Source, table: str) -> tuple[tuple[str, ...], ...]:
    if table == patterns.ENCOUNTER:
        return ((source.record_prefix,),)
    return ((MESSAGE_PREFIX,),) if table == patterns.THREAD else source.runs


def _ranges(table: str, kind: str, window: Window) -> list[KeyRange]:
    ranges_of = windows.message_ranges if table == patterns.THREAD else windows.row_ranges
    return ranges_of(kind, window)


def _stream(source: Source, table: str, partition: str, ranges: list[KeyRange], cut: int) -> Stream:
    without = None if table == patterns.THREAD else source.excluded
    held = source.preloaded if (table, partition) == _HELD_PARTITION else None
    if table == patterns.ENCOUNTER:
        cut = len(source.record_prefix)
    return Stream(table, partition, tuple(ranges), cut, without, held, cost=source.cost)
