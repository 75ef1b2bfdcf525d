"""Reading the rows of a plan: partitions merged into one order, each read in small pages."""

import re
from collections.abc import Iterable, Iterator
from heapq import merge
from operator import itemgetter
from typing import NamedTuple

from shared.catalog import access_patterns as patterns
from shared.fhir import instants, ulids, words
from shared.fhir.instants import MILLISECOND
from shared.search.plan.plans import MESSAGE_PREFIX, Step, Stream
from shared.search.run.budget import OutOfRows, Progress
from shared.search.run.paging import Position, invalid_cursor
from shared.store import codec, dynamodb
from shared.store.index.order import UNDATED
from shared.store.items import Item
from shared.store.keys import AFTER_ALL

_PLACE = re.compile(
    r"(?P<kind>(?:[a-z]#)*)(?P<undated>:?)"
    r"(?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)#(?P<rest>[A-Za-z0-9.#-]{1,200})",
    re.ASCII,
)
_PLACE_OF_WORD = re.compile(
    rf"[a-z0-9A-F%]{{1,{words.LONGEST_KEY}}}{words.KEY_SEPARATOR}[A-Za-z0-9.-]{{1,64}}", re.ASCII
)


class Row(NamedTuple):
    """A row in the order of a step: its place there, the stream it comes from, and its item."""

    place: str
    stream: Stream
    item: Item

    @property
    def id(self) -> str:
        """The id of the resource; not for messages, whose items are always whole."""
        return str(self.item["sk"]["S"].rpartition("#")[2])

    @property
    def is_tombstone(self) -> bool:
        """Return whether this is what is left of a message that was deleted or moved elsewhere."""
        return "to" in self.item or "deleted" in self.item

    @property
    def is_partial(self) -> bool:
        """Return whether the row has only a part of the resource."""
        return "partial" in self.item

    @property
    def json(self) -> bytes | None:
        """The JSON that the row has; None if it had no room even for a stub."""
        if "json" in self.item:
            return bytes(self.item["json"]["B"])
        packed = self.item.get("resource")
        return codec.unpack(bytes(packed["B"]))[0] if packed else None


def rows(
    steps: tuple[Step, ...],
    position: Position | None,
    progress: Progress,
    *,
    forward: bool,
    is_back: bool = False,
) -> Iterator[Row]:
    """Yield the rows of all steps after a position, in order, each place once.

    With `is_back` they are the rows before the position, the nearest first. The rows also end if
    the request may read no more; `progress` then says so.
    """
    numbered = list(enumerate(steps))
    start, after = _start(steps, position)
    remaining = reversed(numbered[: start + 1]) if is_back else iter(numbered[start:])
    try:
        yield from _rows_of_steps(
            remaining, (start, after), progress, forward=forward is not is_back
        )
    except OutOfRows:
        progress.is_exhausted = True


def _rows_of_steps(
    steps: Iterator[tuple[int, Step]], begin: tuple[int, str], progress: Progress, *, forward: bool
) -> Iterator[Row]:
    start, after = begin
    for number, step in steps:
        resumed = after if number == start else ""
        last = resumed
        if number != start:
            # If nothing more may be read, the next page begins with this step.
            progress.place = [number, ""]
        if cost := sum(stream.cost for stream in step):
            progress.budget.spend(cost)
        for row in _rows_of_step(step, resumed, progress, forward=forward):
            is_beyond = not last or (row.place > last if forward else row.place < last)
            if is_beyond:
                last = row.place
                progress.place = [number, last]
                if not row.is_tombstone:
                    yield row


def _start(steps: tuple[Step, ...], position: Position | None) -> tuple[int, str]:
    if position is None:
        return 0, ""
    match position:
        case [int(number), str(place)] if 0 <= number < len(steps):
            is_by_words = any(stream.word_ranges for stream in steps[number])
            if not place or (_PLACE_OF_WORD if is_by_words else _PLACE).fullmatch(place):
                return number, place
    raise invalid_cursor()


def _rows_of_step(step: Step, after: str, progress: Progress, *, forward: bool) -> Iterable[Row]:
    progress.begin_step(len(step), resumed=bool(after))
    iterators = [
        _rows_of_stream(_after_place(stream, after, forward=forward), progress, forward=forward)
        for stream in step
    ]
    if len(iterators) == 1:
        return iterators[0]
    return merge(*iterators, key=itemgetter(0), reverse=not forward)


def _after_place(stream: Stream, after: str, *, forward: bool) -> Stream:
    """Return a stream without what lies before a place; the row at the place itself may remain."""
    if not after or not stream.ranges:
        return stream
    bound = stream.ranges[0][0][: stream.prefix_length] + after
    high = bound
    if stream.table == patterns.THREAD:
        place = _PLACE.fullmatch(after)
        if place is None or place["kind"] not in ("", MESSAGE_PREFIX):
            return stream
        bound, high = _bounds_at(place)
    return stream.between(bound, AFTER_ALL) if forward else stream.between("", high)


def _bounds_at(place: "re.Match[str]") -> tuple[str, str]:
    """Return where messages of a thread go on after a place, and where they go back from it.

    Many messages may share a millisecond: all those of a day whose `sent` is only a date.
    """
    prefix = _ulid_prefix(place)
    first, last = MESSAGE_PREFIX + prefix, MESSAGE_PREFIX + prefix + AFTER_ALL
    if place["instant"] < "1970":
        # ULIDs begin in 1970: older messages are all at its first millisecond, on either side.
        return first, last
    own = min(max(first, MESSAGE_PREFIX + place["rest"][: ulids.LENGTH]), last)
    return own, own


def _ulid_prefix(place: "re.Match[str]") -> str:
    try:
        milliseconds = instants.to_nanoseconds(instants.from_text(place["instant"])) // MILLISECOND
    except ValueError:
        raise invalid_cursor() from None
    return ulids.prefix(milliseconds + (ulids.UNDATED if place["undated"] else 0))


def _rows_of_stream(stream: Stream, progress: Progress, *, forward: bool) -> Iterator[Row]:
    if stream.preloaded is not None:
        yield from _preloaded_rows(stream, stream.preloaded, forward=forward)
        return
    if stream.table == patterns.AUDIT:
        yield from _rows_of_trail(stream, progress, forward=forward)
        return
    limit = progress.first_limit()
    for key_range in stream.ranges if forward else reversed(stream.ranges):
        after: str | None = None
        while True:
            if not progress.budget.left:
                raise OutOfRows
            items, after = dynamodb.query(
                stream.table,
                stream.partition,
                key_range,
                forward=forward,
                limit=min(limit, progress.budget.left),
                after=after,
            )
            progress.budget.spend(len(items))
            for item in items:
                yield Row(_place_of(stream, item), stream, item)
            limit = progress.next_limit()
            if after is None:
                break
    progress.end_stream()


def _rows_of_trail(stream: Stream, progress: Progress, *, forward: bool) -> Iterator[Row]:
    """Yield AuditEvents as rows, and rows that are gone to note how far reading has come."""
    from shared.audit import event_search  # noqa: PLC0415 - few searches read the audit trail

    for key_range in stream.ranges if forward else reversed(stream.ranges):
        reader = event_search.Reader(
            stream.partition, key_range, forward=forward, spend=progress.budget.spend
        )
        for place, json in reader.read():
            item: Item = {"sk": {"S": place}}
            item |= {"json": {"B": json}} if json else {"deleted": {"BOOL": True}}
            yield Row(place, stream, item)
    progress.end_stream()


def _preloaded_rows(stream: Stream, items: tuple[Item, ...], *, forward: bool) -> Iterator[Row]:
    """Yield the rows that were read already, those in the stream's ranges."""
    for item in sorted(items, key=lambda row: str(row["sk"]["S"]), reverse=not forward):
        if any(low <= item["sk"]["S"] <= high for low, high in stream.ranges):
            yield Row(_place_of(stream, item), stream, item)


def _place_of(stream: Stream, item: Item) -> str:
    """Return a row's place among those of other streams; a message's is written as a row's."""
    sort: str = item["sk"]["S"]
    if stream.table != patterns.THREAD:
        return sort[stream.prefix_length :]
    ulid = sort[len(MESSAGE_PREFIX) :]
    milliseconds = ulids.milliseconds(ulid)
    undated = UNDATED if milliseconds >= ulids.UNDATED else ""
    if undated:
        milliseconds -= ulids.UNDATED
    instant = instants.to_text(instants.from_nanoseconds(milliseconds * MILLISECOND))
    thread = stream.partition.partition("#")[2]
    return f"{'' if stream.prefix_length else MESSAGE_PREFIX}{undated}{instant}#{ulid}#{thread}"
