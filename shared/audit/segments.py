"""Segments: the objects of the archive, each with the events of some minutes.

A segment is gzipped NDJSON with events of one day, ordered by tenant and instant. It consists of
many gzip members, so that a few events can be read without the rest. Any gzip tool can read it
whole.
"""

import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from typing import NamedTuple

from shared.audit import entries
from shared.audit.entries import Entry

EVENTS_PREFIX = "events/"
MOST_EVENTS = 20_000
# A full member has about 6 KB, which is read at once.
MEMBER_EVENTS, MEMBER_BYTES = 64, 64 * 1024
_DAY, _HOUR = len("2026-11-16"), len("2026-11-16T09")
_HASH_LETTERS = 12
_SUFFIX = ".ndjson.gz"
# The window bits with which zlib expects a gzip header.
_GZIP = 31


class ArchivePlace(NamedTuple):
    """The place of an event: hour and name of its segment, offset of its member, line in that."""

    hour: str
    segment: str
    offset: int
    line: int

    @property
    def key(self) -> str:
        """The S3 key of the segment."""
        return object_key(self.hour[:_DAY], self.segment)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment: its day, name and content, and its events with their places."""

    day: str
    name: str
    body: bytes
    events: tuple[tuple[Entry, ArchivePlace], ...]

    @property
    def key(self) -> str:
        """The S3 key of the segment."""
        return object_key(self.day, self.name)


def object_key(day: str, name: str, prefix: str = EVENTS_PREFIX) -> str:
    """Return the S3 key of a segment, or of its companion object under another prefix."""
    return f"{prefix}date={day}/{name}{_SUFFIX}"


def hour_of(instant: str) -> str:
    """Return the hour of an instant, or of a sort key that begins with one."""
    return instant[:_HOUR]


def build(new: Iterable[Entry]) -> Iterator[Segment]:
    """Yield the segments of events, day by day; the same events always make the same segments."""
    ordered = sorted(entries.sorted_unique(new), key=lambda entry: entry.at[:_DAY])
    for day, events in groupby(ordered, key=lambda entry: entry.at[:_DAY]):
        of_day = list(events)
        for start in range(0, len(of_day), MOST_EVENTS):
            yield _segment(day, of_day[start : start + MOST_EVENTS])


def _segment(day: str, events: list[Entry]) -> Segment:
    ids = ",".join(f"{entry.tenant}#{entry.id}" for entry in events)
    name = sha256(ids.encode()).hexdigest()[:_HASH_LETTERS]
    body = bytearray()
    placed = []
    for member in _members(events):
        hour, offset = hour_of(member[0].at), len(body)
        placed += [(entry, ArchivePlace(hour, name, offset, n)) for n, entry in enumerate(member)]
        body += gzip.compress(entries.joined_lines(member), mtime=0)
    return Segment(day, name, bytes(body), tuple(placed))


def _members(events: list[Entry]) -> Iterator[list[Entry]]:
    """Yield the members of a segment; each has one tenant and one hour."""
    for _, group in groupby(events, key=lambda entry: (entry.tenant, hour_of(entry.at))):
        yield from entries.chunks(group, MEMBER_BYTES, MEMBER_EVENTS)


def parse(key: str, body: bytes) -> Segment:
    """Return the segment that an object of the archive has."""
    day, _, name = key.removeprefix(f"{EVENTS_PREFIX}date=").removesuffix(_SUFFIX).partition("/")
    placed: list[tuple[Entry, ArchivePlace]] = []
    rest = body
    while rest:
        unpacker = zlib.decompressobj(_GZIP)
        events = entries.parse(unpacker.decompress(rest))
        hour, offset = hour_of(events[0].at), len(body) - len(rest)
        placed += [(entry, ArchivePlace(hour, name, offset, n)) for n, entry in enumerate(events)]
        rest = unpacker.unused_data
    return Segment(day, name, body, tuple(placed))


def first_member(part: bytes) -> list[Entry] | None:
    """Return the events of the first member in a part of a segment, or None if it is incomplete."""
    unpacker = zlib.decompressobj(_GZIP)
    lines = unpacker.decompress(part)
    return entries.parse(lines) if unpacker.eof else None
