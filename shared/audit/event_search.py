"""Reading events in their order: those that name an id, or all of a stretch of time.

New events are in rows of the table; the others are in the archive, which its index finds. What is
in both is given twice at the same place: whoever reads in order of places leaves the second out.
"""

from collections.abc import Callable, Iterable, Iterator
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple
from urllib.parse import unquote

import orjson

from shared.audit import archive_index, archive_reads, entries, journal, segments
from shared.audit.archive_index import Member, Posting
from shared.audit.entries import Entry
from shared.catalog import access_patterns as patterns
from shared.store import dynamodb
from shared.store.items import Item
from shared.store.keys import AFTER_ALL

# What reading a page of index rows counts as.
_PAGE_ROWS = 25
_FIRST, _MOST_AT_ONCE = 25, 200
_BY_ID = patterns.POSTINGS.partition.partition("#")[0]


class FoundEvent(NamedTuple):
    """An event and its place; without JSON it only says how far reading has come."""

    place: str
    json: bytes


type Spend = Callable[[int], None]


class Reader:
    """Reads what is in a partition between two places, in order or the other way round.

    `spend` is told how many rows are read, and may raise to end it.
    """

    def __init__(
        self, partition: str, between: tuple[str, str], *, forward: bool, spend: Spend
    ) -> None:
        """Begin to read a tenant's events, those that name an id where the partition says one."""
        self.tenant, _, self.name = partition.partition("#")
        self.low, self.high = between
        self.forward, self.spend = forward, spend
        self.names_an_id = self.name.startswith(_BY_ID)

    def read(self) -> Iterator[FoundEvent]:
        """Read the events."""
        runs = (self._new(), self._indexed() if self.names_an_id else self._archived())
        yield from merge(*runs, key=itemgetter(0), reverse=not self.forward)

    def _new(self) -> Iterator[FoundEvent]:
        """Read new events; of an id those whose line has it, which must be looked at."""
        since = journal.new_since()
        if self.high < since:
            return
        wanted = _in_json(self.name.partition("=")[2]) if self.names_an_id else b""
        new = (entry for entry in journal.new_entries(self.tenant, since) if wanted in entry.line)
        inside = [entry for entry in new if self.low <= entry.place <= self.high]
        inside.sort(key=attrgetter("place"), reverse=not self.forward)
        for entry in inside:
            self.spend(1)
            yield FoundEvent(entry.place, entries.audit_event_json(entry))

    def _indexed(self) -> Iterator[FoundEvent]:
        """Read what the index has of an id."""
        bucket, fingerprint = archive_index.index_key(self.name)
        for hour, rows in self._hours(archive_index.bucket_partition(self.tenant, bucket)):
            own = [one for row in rows for one in archive_index.postings(row, fingerprint)]
            yield from self._events([one for one in own if self._may_be_inside(one.at, one.at)])
            yield self._note(hour)

    def _archived(self) -> Iterator[FoundEvent]:
        """Read all events, in the order of time over the segments of an hour."""
        for hour, rows in self._hours(archive_index.segments_partition(self.tenant)):
            runs = [self._segment(archive_index.members(row)) for row in rows]
            yield from merge(*runs, key=itemgetter(0), reverse=not self.forward)
            yield self._note(hour)

    def _hours(self, partition: str) -> Iterator[tuple[str, list[Item]]]:
        """Read the index rows of a partition, hour by hour."""
        hours = segments.hour_of(self.low), segments.hour_of(self.high) + AFTER_ALL
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

    def _note(self, hour: str) -> FoundEvent:
        """Say that an hour is read: before all of the next one, in either direction."""
        place = f"{hour}:59:59.999Z#z" if self.forward else f"{hour}:00:00.000Z#-"
        return FoundEvent(min(max(place, self.low), self.high), b"")

    def _may_be_inside(self, first: str, last: str) -> bool:
        return last + AFTER_ALL >= self.low and first <= self.high

    def _events(self, own: list[Posting]) -> Iterator[FoundEvent]:
        """Read the events of an hour's postings, a few at first."""
        own.sort(key=attrgetter("at"), reverse=not self.forward)
        size = _FIRST
        while own:
            size = min(size, len(own))
            # Those of one instant are in order only together.
            while size < len(own) and own[size].at == own[size - 1].at:
                size += 1
            some, own = own[:size], own[size:]
            self.spend(size)
            found = archive_reads.events([one.place for one in some])
            yield from self._in_order(found)
            size = min(2 * size, _MOST_AT_ONCE)

    def _segment(self, members: list[Member]) -> Iterator[FoundEvent]:
        """Read a segment's events of an hour, member by member."""
        inside = [one for one in members if self._may_be_inside(one.first, one.last)]
        for one in inside if self.forward else reversed(inside):
            found = archive_reads.member(one.place)
            self.spend(len(found))
            yield from self._in_order(found)

    def _in_order(self, found: Iterable[Entry]) -> Iterator[FoundEvent]:
        inside = [entry for entry in found if self.low <= entry.place <= self.high]
        inside.sort(key=attrgetter("place"), reverse=not self.forward)
        for entry in inside:
            yield FoundEvent(entry.place, entries.audit_event_json(entry))


def _in_json(segment: str) -> bytes:
    """Return an id of a key as lines have it; empty where it is too long for a key."""
    if segment.startswith(patterns.HASHED):
        return b""
    return orjson.dumps(unquote(segment))[1:-1]
