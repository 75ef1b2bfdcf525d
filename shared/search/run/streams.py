"""Reading partitions: rows of many in one order, in pages small enough to cost few units."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import merge
from math import ceil
from operator import itemgetter
from typing import NamedTuple

from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SPREAD
from shared.fhir import instants, ulids, words
from shared.fhir.instants import MILLISECOND
from shared.search.plan.plans import MESSAGE, Step, Stream
from shared.search.query.controls import MORE_ROWS, MOST_ROWS
from shared.search.run.paging import Position, refused
from shared.store import codec, dynamodb
from shared.store.index.order import AFTER_ALL, UNDATED
from shared.store.items import Item

_MARGIN = 3
# How many typical rows a read unit of 4 KB holds: fewer from each of many partitions cost as much.
UNIT_ROWS = defaultdict(lambda: 9, {"Encounter": 12, "AuditEvent": 5})
_GROWTH = 4
_PLACE = re.compile(
    r"(?P<kind>(?:[a-z]#)*)(?P<undated>:?)"
    r"(?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)#(?P<rest>[A-Za-z0-9.#-]{1,200})",
    re.ASCII,
)
_PLACE_OF_WORD = re.compile(
    rf"[a-z0-9A-F%]{{1,{words.LONGEST_KEY}}}{words.END}[A-Za-z0-9.-]{{1,64}}", re.ASCII
)


class OutOfRows(Exception):
    """The request has read as many rows as it may."""


@dataclass(slots=True)
class Budget:
    """How many rows a request may still read, and how many more while it has found nothing."""

    left: int = MOST_ROWS
    more: int = MORE_ROWS

    def extend(self) -> bool:
        """Allow some more, if any."""
        some = min(self.more, MOST_ROWS)
        self.left, self.more = self.left + some, self.more - some
        return some > 0

    def spend(self, rows: int) -> None:
        """Count rows that are read. Raises OutOfRows where none is left."""
        if not self.left:
            raise OutOfRows
        self.left = max(self.left - rows, 0)

    @contextmanager
    def reserved(self, rows: int) -> Iterator[None]:
        """Keep rows from being read meanwhile, no more than half of what is left."""
        kept = max(min(rows, self.left // 2), 0)
        self.left -= kept
        yield
        self.left += kept


class Row(NamedTuple):
    """A row in the order of a step: its place there, where it is from, and the item."""

    place: str
    stream: Stream
    item: Item

    @property
    def id(self) -> str:
        """The id of the resource, for rows: a message's item is always whole."""
        return str(self.item["sk"]["S"].rpartition("#")[2])

    @property
    def is_gone(self) -> bool:
        """Tell whether this is what a message has left that was deleted or is elsewhere."""
        return "to" in self.item or "deleted" in self.item

    @property
    def is_partial(self) -> bool:
        """Tell whether the row has not the whole resource."""
        return "partial" in self.item

    @property
    def json(self) -> bytes | None:
        """The JSON that the row has; None where it has no room even for a stub."""
        if "json" in self.item:
            return bytes(self.item["json"]["B"])
        packed = self.item.get("resource")
        return codec.unpack(bytes(packed["B"]))[0] if packed else None


@dataclass(slots=True)
class Progress:
    """How many rows are wanted, may still be read, have been looked at, and were matches."""

    wanted: int
    unit: int = 1
    budget: Budget = field(default_factory=Budget)
    looked_at: int = 0
    matched: int = 0
    place: Position | None = None
    is_exhausted: bool = False
    _open: int = field(default=1, init=False)
    _again: int = field(default=0, init=False)

    @property
    def left(self) -> int:
        """How many rows may still be read."""
        return self.budget.left

    def begin(self, streams: int, *, resumed: bool) -> None:
        """Begin a step; one that is resumed reads the row anew that it had come to."""
        self._open, self._again = max(streams, 1), int(resumed)

    def end(self) -> None:
        """Note that a stream of the step is read to its end."""
        self._open = max(self._open - 1, 1)

    def first(self) -> int:
        """Give how many rows each stream begins with: a fair part of the page and a little more."""
        margin = _MARGIN if self._open > 1 else 0
        missing = self.wanted - self.matched - (1 if margin else -self._again)
        # Of two listings or values one may have the whole page, over all of its partitions.
        fair = ceil(missing / min(self._open, SPREAD)) + margin
        if margin and missing > 1:
            # But no more than twice the page: most of what is read is what was asked for.
            fair = max(fair, min(self.unit, missing, 2 * missing // self._open))
        return max(1, min(fair, self.left // self._open))

    def more(self) -> int:
        """Give how many rows to go on with: what is missing, by how rarely rows have matched."""
        missing = max(self.wanted - self.matched, 1)
        rarity = max(self.looked_at, 1) / max(self.matched, 1)
        likely = min(ceil(missing * rarity), max(_GROWTH * self.looked_at, missing))
        return max(1, min(ceil(likely / self._open) + (self._open > 1), self.left))

    def read(self, rows: int) -> None:
        """Count rows that were read."""
        self.budget.spend(rows)


def rows(
    steps: tuple[Step, ...],
    position: Position | None,
    progress: Progress,
    *,
    forward: bool,
    is_back: bool = False,
) -> Iterator[Row]:
    """Give the rows of all steps in order, after a position, each resource once.

    Backwards they are those before it, the nearest first. Ends also where the request may read no
    more, and says so in `progress`.
    """
    numbered = list(enumerate(steps))
    start, after = _start(steps, position)
    left = reversed(numbered[: start + 1]) if is_back else iter(numbered[start:])
    try:
        yield from _all_rows(left, (start, after), progress, forward=forward is not is_back)
    except OutOfRows:
        progress.is_exhausted = True


def _all_rows(
    steps: Iterator[tuple[int, Step]], begin: tuple[int, str], progress: Progress, *, forward: bool
) -> Iterator[Row]:
    start, after = begin
    for number, step in steps:
        resumed = after if number == start else ""
        last = resumed
        if number != start:
            # Where nothing more may be read, this step is where the next page begins.
            progress.place = [number, ""]
        if cost := sum(stream.cost for stream in step):
            progress.read(cost)
        for row in _merged(step, resumed, progress, forward=forward):
            is_beyond = not last or (row.place > last if forward else row.place < last)
            if is_beyond:
                last = row.place
                progress.place = [number, last]
                if not row.is_gone:
                    yield row


def _start(steps: tuple[Step, ...], position: Position | None) -> tuple[int, str]:
    if position is None:
        return 0, ""
    match position:
        case [int(number), str(place)] if 0 <= number < len(steps):
            in_words = any(stream.words for stream in steps[number])
            if not place or (_PLACE_OF_WORD if in_words else _PLACE).fullmatch(place):
                return number, place
    raise refused()


def _merged(step: Step, after: str, progress: Progress, *, forward: bool) -> Iterable[Row]:
    progress.begin(len(step), resumed=bool(after))
    read = [_read(_resumed(one, after, forward=forward), progress, forward=forward) for one in step]
    if len(read) == 1:
        return read[0]
    return merge(*read, key=itemgetter(0), reverse=not forward)


def _resumed(stream: Stream, after: str, *, forward: bool) -> Stream:
    """Leave out what lies before a place; what lies at it is left out by who compares places."""
    if not after or not stream.ranges:
        return stream
    bound = stream.ranges[0][0][: stream.cut] + after
    high = bound
    if stream.table == patterns.THREAD:
        place = _PLACE.fullmatch(after)
        if place is None or place["kind"] not in ("", MESSAGE):
            return stream
        bound, high = _around(place)
    return stream.between(bound, AFTER_ALL) if forward else stream.between("", high)


def _around(place: "re.Match[str]") -> tuple[str, str]:
    """Give where in a thread messages go on after a place, and back from it.

    Those of one millisecond may be many: all of a day are where `sent` says no more.
    """
    prefix = _ulid_prefix(place)
    first, last = MESSAGE + prefix, MESSAGE + prefix + AFTER_ALL
    if place["instant"] < "1970":
        # A ULID says nothing older: what is there may come before the place, or after it.
        return first, last
    own = min(max(first, MESSAGE + place["rest"][: ulids.LENGTH]), last)
    return own, own


def _ulid_prefix(place: "re.Match[str]") -> str:
    try:
        since = instants.nanoseconds(instants.read(place["instant"])) // MILLISECOND
    except ValueError:
        raise refused() from None
    return ulids.prefix(since + (ulids.UNDATED if place["undated"] else 0))


def _read(stream: Stream, progress: Progress, *, forward: bool) -> Iterator[Row]:
    if stream.held is not None:
        yield from _held(stream, stream.held, forward=forward)
        return
    if stream.table == patterns.AUDIT:
        yield from _of_trail(stream, progress, forward=forward)
        return
    limit = progress.first()
    for between in stream.ranges if forward else reversed(stream.ranges):
        after: str | None = None
        while True:
            if not progress.left:
                raise OutOfRows
            items, after = dynamodb.query(
                stream.table,
                stream.partition,
                between,
                forward=forward,
                limit=min(limit, progress.left),
                after=after,
            )
            progress.read(len(items))
            for item in items:
                yield Row(_place(stream, item), stream, item)
            limit = progress.more()
            if after is None:
                break
    progress.end()


def _of_trail(stream: Stream, progress: Progress, *, forward: bool) -> Iterator[Row]:
    """Read AuditEvents, and rows that are gone to say how far that has come."""
    from shared.audit import event_search  # noqa: PLC0415 - nothing else reads the trail

    for between in stream.ranges if forward else reversed(stream.ranges):
        reader = event_search.Reader(
            stream.partition, between, forward=forward, spend=progress.read
        )
        for place, json in reader.found():
            item: Item = {"sk": {"S": place}}
            item |= {"json": {"B": json}} if json else {"deleted": {"BOOL": True}}
            yield Row(place, stream, item)
    progress.end()


def _held(stream: Stream, held: tuple[Item, ...], *, forward: bool) -> Iterator[Row]:
    """Give rows that were read already, those in the stream's ranges."""
    for item in sorted(held, key=lambda one: str(one["sk"]["S"]), reverse=not forward):
        if any(low <= item["sk"]["S"] <= high for low, high in stream.ranges):
            yield Row(_place(stream, item), stream, item)


def _place(stream: Stream, item: Item) -> str:
    """Give a row's place among those of other streams; that of a message is written as a row's."""
    sort: str = item["sk"]["S"]
    if stream.table != patterns.THREAD:
        return sort[stream.cut :]
    ulid = sort[len(MESSAGE) :]
    since = ulids.milliseconds(ulid)
    undated = UNDATED if since >= ulids.UNDATED else ""
    if undated:
        since -= ulids.UNDATED
    instant = instants.written(instants.from_nanoseconds(since * MILLISECOND))
    thread = stream.partition.partition("#")[2]
    return f"{'' if stream.cut else MESSAGE}{undated}{instant}#{ulid}#{thread}"
