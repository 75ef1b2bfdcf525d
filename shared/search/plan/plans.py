"""A plan: what is read, in which order, and what is left to check."""

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

# Messages in their thread have this kind only.
MESSAGE = "m#"
# What is read by for whoever sees some compartments only.
COMPARTMENT = "compartment"
# Beginning a partition of a later group: so that one request begins no more than two of these.
_COST = 3
# In place of the partition of rows that are held.
_HELD = (patterns.SEARCH, "")


@dataclass(frozen=True, slots=True)
class Stream:
    """Ranges of one partition, in the order of its keys.

    Streams are merged by what follows the first `cut` characters of their sort keys. What `without`
    matches comes from another stream. `held` are rows that were read already, in place of a
    partition. `words` where it is in the order of words. `cost` is for how many rows it counts to
    begin reading it.
    """

    table: str
    partition: str
    ranges: tuple[KeyRange, ...]
    cut: int = 0
    without: Criterion | None = None
    held: tuple[Item, ...] | None = None
    words: "Words | None" = None
    cost: int = 0

    def between(self, low: str, high: str) -> "Stream":
        """Give what of it lies between two sort keys, both included."""
        clipped = ((max(low, one[0]), min(high, one[1])) for one in self.ranges)
        return replace(self, ranges=tuple(one for one in clipped if one[0] <= one[1]))


@dataclass(frozen=True, slots=True)
class Words:
    """The words a search reads: by partition, between which keys the rows of each are.

    A resource has a row for each of its words, and counts once: by the first that is read.
    """

    param: SearchParam
    ranges: Mapping[str, tuple[KeyRange, ...]]

    def begin_at(self, resource: dict[str, Any], sort: str) -> bool:
        """Tell whether a resource's row with this sort key is the one by which it counts."""
        texts = (one for one in values(resource, self.param) if isinstance(one, str))
        read = (word for word in words.keys(texts) if self._reads(word + words.END))
        return min(read, default="") == sort.partition(words.END)[0]

    def _reads(self, sort: str) -> bool:
        return any(low <= sort <= high for each in self.ranges.values() for low, high in each)


type Step = tuple[Stream, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Partitions that hold every match, as table and key, and the criteria they answer already.

    `runs` are the prefixes of the kinds to read, those together that follow each other. `held` are
    rows beside them that were read already; `recorded` is what the keys of the type's rows begin
    with in the partition of an Encounter. `words` are read in place of these. `later`
    are groups of further partitions, each of which is read when the one before is at its end.
    """

    reads: str
    partitions: tuple[tuple[str, str], ...]
    by: Order
    runs: tuple[tuple[str, ...], ...] = (("",),)
    answers: tuple[Criterion, ...] = ()
    without: Criterion | None = None
    held: tuple[Item, ...] = ()
    recorded: str = ""
    words: Words | None = None
    later: tuple[tuple[tuple[str, str], ...], ...] = ()
    cost: int = 0

    @property
    def groups(self) -> "tuple[Source, ...]":
        """The source in the parts that are read one after the other."""
        later = (replace(self, partitions=some, held=(), cost=_COST) for some in self.later)
        return (self, *later)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is answered; loggable as it is.

    What is read are `ids`, the threads of `sessions`, or `steps`, one after the other, each a
    merge of streams. `predicates` are checked on every row, `sort` is what keys do not give.
    """

    reads: str
    predicates: tuple[Criterion, ...]
    sort: tuple[SortKey, ...] = ()
    ids: tuple[str, ...] | None = None
    sessions: frozenset[str] | None = None
    steps: tuple[Step, ...] = ()
    window: Window = EVERYTHING
    ordered: bool = False
    forward: bool = False


def steps(
    source: Source, read: tuple[Window, Window], *, ordered: bool, forward: bool
) -> tuple[Step, ...]:
    """Lay out the reading of a source, in the order of its dates or else of its keys.

    What has no date is last both ways: backwards it is a step of its own. The second of the windows
    is read of second rows.
    """
    if source.words:
        return (tuple(_in_order_of_words(source, source.words)),)
    near, far = read
    if not ordered:
        groups = source.groups
        return _filled([(*_in_order_of_keys(one, near), *_second_rows(one, far)) for one in groups])
    parts = [(near, far)] if forward else [(near.dated, far.dated), (near.rest, far.rest)]
    return _filled(
        [(*_in_order_of_dates(source, one), *_second_rows(source, other)) for one, other in parts]
    )


def _filled(laid_out: list[Step]) -> tuple[Step, ...]:
    return tuple(step for step in laid_out if step)


def _in_order_of_words(source: Source, read: Words) -> Iterator[Stream]:
    for table, partition in source.partitions:
        yield Stream(table, partition, read.ranges[partition], words=read)


def _in_order_of_keys(source: Source, window: Window) -> Iterator[Stream]:
    for table, partition in _partitions(source):
        ranges: list[KeyRange] = []
        for run in _runs(source, table):
            if window == EVERYTHING:
                first, last = (_ranges(table, kind, window) for kind in (run[0], run[-1]))
                ranges.append((first[0][0], last[-1][1]))
            else:
                ranges += [one for kind in run for one in _ranges(table, kind, window)]
        if ranges:
            yield _stream(source, table, partition, ranges, 0)


def _in_order_of_dates(source: Source, window: Window) -> Iterator[Stream]:
    for table, partition in _partitions(source):
        for kind in (kind for run in _runs(source, table) for kind in run):
            if ranges := _ranges(table, kind, window):
                yield _stream(source, table, partition, ranges, len(kind))


def _partitions(source: Source) -> tuple[tuple[str, str], ...]:
    return (*source.partitions, *((_HELD,) if source.held else ()))


def _second_rows(source: Source, window: Window) -> Iterator[Stream]:
    ranges = windows.row_ranges(long_encounters.PREFIX, window)
    for table, partition in source.partitions if ranges else ():
        yield _stream(source, table, partition, ranges, len(long_encounters.PREFIX))
    if source.held and ranges:
        yield _stream(source, *_HELD, windows.row_ranges("", window), 0)


def _runs(source: Source, table: str) -> tuple[tuple[str, ...], ...]:
    if table == patterns.ENCOUNTER:
        return ((source.recorded,),)
    return ((MESSAGE,),) if table == patterns.THREAD else source.runs


def _ranges(table: str, kind: str, window: Window) -> list[KeyRange]:
    read = windows.message_ranges if table == patterns.THREAD else windows.row_ranges
    return read(kind, window)


def _stream(source: Source, table: str, partition: str, ranges: list[KeyRange], cut: int) -> Stream:
    without = None if table == patterns.THREAD else source.without
    held = source.held if (table, partition) == _HELD else None
    if table == patterns.ENCOUNTER:
        cut = len(source.recorded)
    return Stream(table, partition, tuple(ranges), cut, without, held, cost=source.cost)
