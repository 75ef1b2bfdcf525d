"""Read audit events in order: those that name an id, or all events in a range of time.

New events are in rows of the table, and older ones in the archive, which has an index. An event
that is in both is yielded twice at the same position; the caller, which reads in order, drops the
second.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import chain, groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple
from urllib.parse import unquote

import orjson

from shared.audit import archive_index, archive_reads, archive_rows, entries, journal, segments
from shared.audit.archive_rows import Member, Posting
from shared.audit.entries import Entry
from shared.catalog import access_patterns as patterns
from shared.store import dynamodb, keys
from shared.store.items import Item

# How many rows a page of index rows counts as.
_PAGE_ROWS = 25
# The number of events in the first batch of an hour; each further batch is twice as large.
_FIRST_BATCH = 25
_BY_ID = patterns.POSTINGS.partition.partition("#")[0]


class FoundEvent(NamedTuple):
    """An event and its position. Without JSON it only says how far reading has come."""

    position: str
    json: bytes


type Spend = Callable[[int], None]


class Reader:
    """Reads a partition's events between two positions, in ascending or descending order.

    `spend` is called with the number of rows read, and may raise to end the reading.
    """

    def __init__(
        self, partition: str, between: tuple[str, str], *, forward: bool, spend: Spend
    ) -> None:
        """Create a reader of all events of a tenant, or of those that name the partition's id."""
        self.tenant, _, self.name = partition.partition("#")
        self.low, self.high = between
        self.forward, self.spend = forward, spend
        self.names_an_id = self.name.startswith(_BY_ID)

    def read(self) -> Iterator[FoundEvent]:
        """Yield the events in order."""
        runs = (self._new(), self._indexed() if self.names_an_id else self._archived())
        yield from merge(*runs, key=itemgetter(0), reverse=not self.forward)

    def _new(self) -> Iterator[FoundEvent]:
        """Yield the new events; for an id, those whose line contains it, to be matched again."""
        since = journal.unindexed_since()
        if self.high < since:
            return
        wanted = _in_json(self.name.partition("=")[2]) if self.names_an_id else b""
        new = (entry for entry in journal.new_entries(self.tenant, since) if wanted in entry.line)
        for event in self._in_order(new):
            self.spend(1)
            yield event

    def _indexed(self) -> Iterator[FoundEvent]:
        """Yield the archived events that the index has for the id."""
        bucket, fingerprint = archive_index.index_key(self.name)
        for hour, rows in self._hours(
            keys.partition(patterns.POSTINGS, self.tenant, bucket=bucket)
        ):
            postings = chain.from_iterable(archive_rows.postings(row, fingerprint) for row in rows)
            in_range = [posting for posting in postings if self._overlaps(posting.at, posting.at)]
            yield from self._events(in_range)
            yield self._progress(hour)

    def _archived(self) -> Iterator[FoundEvent]:
        """Yield all archived events, merging the segments of each hour."""
        for hour, rows in self._hours(keys.partition(patterns.SEGMENTS, self.tenant)):
            runs = [self._segment(archive_rows.members(row)) for row in rows]
            yield from merge(*runs, key=itemgetter(0), reverse=not self.forward)
            yield self._progress(hour)

    def _hours(self, partition: str) -> Iterator[tuple[str, list[Item]]]:
        """Yield the index rows of a partition, hour by hour."""
        hours = segments.hour_of(self.low), segments.hour_of(self.high) + keys.AFTER_ALL
        rows = self._rows(partition, hours)
        for hour, of_hour in groupby(rows, key=lambda row: segments.hour_of(row["sk"]["S"])):
            yield hour, list(of_hour)

    def _rows(self, partition: str, between: tuple[str, str]) -> Iterator[Item]:
        after: str | None = None
        while True:
            self.spend(_PAGE_ROWS)
            rows, after = dynamodb.query(
                patterns.AUDIT, partition, between, forward=self.forward, after=after
            )
            yield from rows
            if after is None:
                return

    def _progress(self, hour: str) -> FoundEvent:
        """Return a mark that an hour is read, which precedes the next hour in either direction."""
        position = f"{hour}:59:59.999Z#z" if self.forward else f"{hour}:00:00.000Z#-"
        return FoundEvent(min(max(position, self.low), self.high), b"")

    def _overlaps(self, first: str, last: str) -> bool:
        return last + keys.AFTER_ALL >= self.low and first <= self.high

    def _events(self, postings: list[Posting]) -> Iterator[FoundEvent]:
        """Yield the events of an hour's postings, in growing batches."""
        postings.sort(key=attrgetter("at"), reverse=not self.forward)
        size = _FIRST_BATCH
        while postings:
            size = min(size, len(postings))
            # Events of one instant must be sorted together.
            while size < len(postings) and postings[size].at == postings[size - 1].at:
                size += 1
            batch, postings = postings[:size], postings[size:]
            self.spend(size)
            batch_entries = archive_reads.events([posting.place for posting in batch])
            yield from self._in_order(batch_entries)
            size = min(2 * size, archive_reads.MOST_PLACES)

    def _segment(self, members: list[Member]) -> Iterator[FoundEvent]:
        """Yield a segment's events of an hour, member by member."""
        in_range = [member for member in members if self._overlaps(member.first, member.last)]
        for member in in_range if self.forward else reversed(in_range):
            member_entries = archive_reads.member(member.place)
            self.spend(len(member_entries))
            yield from self._in_order(member_entries)

    def _in_order(self, unsorted: Iterable[Entry]) -> Iterator[FoundEvent]:
        in_range = [entry for entry in unsorted if self.low <= entry.position <= self.high]
        in_range.sort(key=attrgetter("position"), reverse=not self.forward)
        for entry in in_range:
            yield FoundEvent(entry.position, entries.audit_event_json(entry))


def _in_json(segment: str) -> bytes:
    """Return an id of a key as lines have it; empty where it is too long for a key."""
    if segment.startswith(patterns.HASH_PREFIX):
        return b""
    return orjson.dumps(unquote(segment))[1:-1]
