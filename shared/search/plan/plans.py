"""A plan: which partitions a search reads, in which order, and what is left to check."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SearchParam
from shared.fhir import words
from shared.fhir.search_values import values
from shared.search.plan.windows import EVERYTHING, KeyRange, Window
from shared.search.query.controls import SortKey
from shared.search.query.criterion import Criterion
from shared.store.index.order import Order
from shared.store.items import Item

# How many criteria and sort keys an explanation shows, since it is a part of a log line.
_MOST_SHOWN = 20
# The only kind of rows in a thread's own partition: its messages.
MESSAGE_PREFIX = patterns.MESSAGE.prefix
# The value of `Plan.source_name` if the partitions are those of the caller's compartments.
COMPARTMENT = "compartment"


@dataclass(frozen=True, slots=True)
class Stream:
    """Ranges of one partition, in the order of its sort keys.

    Streams are merged by what follows the first `prefix_length` characters of their sort keys.
    Resources that match `excluded` are left out, because another stream has them. `preloaded` are
    rows that have been read already, instead of a partition. `word_ranges` is set if the rows are
    in the order of words. `cost` is how many rows it counts to begin the stream.
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
type Explanation = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Source:
    """The partitions (table and key) that hold every match, and the criteria that they answer.

    `answered_criteria` need not be checked on rows any more. `order` is that of their sort keys.
    Each of `runs` is the prefixes of kinds of rows that follow each other, and are read as one
    range. What matches `excluded` is left out of SearchTable's rows, because the thread partitions
    have it. `preloaded` are rows beside the partitions that have been read already. `record_prefix`
    is that of the type's rows in an Encounter's own partition. `word_ranges` are read instead, if
    set. `later_groups` are further partitions, each group of which is read when the one before is
    exhausted. `cost` is how many rows it counts to begin a stream.
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


@dataclass(frozen=True, slots=True)
class Plan:
    """How a query is answered.

    What is read is one of three: the resources with `ids`, the messages of `sessions`, or `steps`,
    one after the other, each a merge of streams. `predicates` are checked on every row, and `sort`
    has the sort keys that the order of rows does not give. `is_date_ordered` tells whether the rows
    are read in the order of their dates, and `forward` whether from the first row to the last.
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


def explain(plan: Plan, applied: tuple[tuple[str, str], ...]) -> Explanation:
    """Return how a query is answered, for logs and administrators: names and numbers, never values.

    `reads` is the parameter or the listings whose partitions are read, and `ranges` the number of
    key ranges. `checked` are the criteria that are checked on each row, and `sorted` the sort keys
    that the order of rows does not give.
    """
    streams = [stream for step in plan.steps for stream in step]
    partitions = {(stream.table, stream.partition) for stream in streams}
    ids = plan.sessions if plan.ids is None else plan.ids
    return {
        "reads": plan.source_name,
        "tables": sorted({table for table, _ in partitions}),
        "partitions": len(partitions if ids is None else ids),
        "ranges": sum(len(stream.ranges) for stream in streams),
        "steps": len(plan.steps),
        "byDate": plan.window != EVERYTHING,
        "checked": [
            criterion.text.partition("=")[0] for criterion in plan.predicates[:_MOST_SHOWN]
        ],
        "sorted": [f"{'-' * key.descending}{key.param.code}" for key in plan.sort[:_MOST_SHOWN]],
        "order": ("ascending" if plan.forward else "descending")
        if plan.is_date_ordered
        else "keys",
        "cursor": any(name == "_cursor" for name, _ in applied),
    }
