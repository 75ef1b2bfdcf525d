"""Segments: objects of the archive with the events of some minutes.

A segment is newline-delimited JSON in gzip, of one day, tenant by tenant and hour by hour in order
of time. It is made of many gzip members one after the other, so that a few events can be read
without the rest; any tool that reads gzip reads the whole.
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
# A member of so many events has about 6 KB, which is read at once.
MEMBER_EVENTS, MEMBER_BYTES = 64, 64 * 1024
_DAY, _HOUR = len("2026-11-16"), len("2026-11-16T09")
_HASH_LETTERS = 12
_SUFFIX = ".ndjson.gz"
_GZIP = 31


class ArchivePlace(NamedTuple):
    """Where an event is: its segment by hour and name, the member's offset, the line there."""

    hour: str
    segment: str
    offset: int
    line: int

    @property
    def key(self) -> str:
        """The key of the object."""
        return object_key(self.hour[:_DAY], self.segment)


@dataclass(frozen=True, slots=True)
class Segment:
    """An object of the archive, of a day, and each of its events with the place."""

    day: str
    name: str
    body: bytes
    events: tuple[tuple[Entry, ArchivePlace], ...]

    @property
    def key(self) -> str:
        """The key of the object."""
        return object_key(self.day, self.name)


def object_key(day: str, name: str, prefix: str = EVENTS_PREFIX) -> str:
    """Return the key of a segment of a day, or of what belongs to it under another prefix."""
    return f"{prefix}date={day}/{name}{_SUFFIX}"


def hour_of(instant: str) -> str:
    """Return the hour of an instant, or of the beginning of a key."""
    return instant[:_HOUR]


def build(new: Iterable[Entry]) -> Iterator[Segment]:
    """Return the segments of events, those of each day apart; the same events make the same."""
    known = sorted(entries.in_order(new), key=lambda entry: entry.at[:_DAY])
    for day, events in groupby(known, key=lambda entry: entry.at[:_DAY]):
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
        placed += [(one, ArchivePlace(hour, name, offset, line)) for line, one in enumerate(member)]
        body += gzip.compress(entries.joined_lines(member), mtime=0)
    return Segment(day, name, bytes(body), tuple(placed))


def _members(events: list[Entry]) -> Iterator[list[Entry]]:
    """Divide events, also where the tenant or the hour changes."""
    for _, same in groupby(events, key=lambda entry: (entry.tenant, hour_of(entry.at))):
        member: list[Entry] = []
        size = 0
        for entry in same:
            is_full = len(member) == MEMBER_EVENTS or size + len(entry.line) > MEMBER_BYTES
            if member and is_full:
                yield member
                member, size = [], 0
            member.append(entry)
            size += len(entry.line)
        yield member


def read(key: str, body: bytes) -> Segment:
    """Return the segment that an object of the archive has."""
    day, _, name = key.removeprefix(f"{EVENTS_PREFIX}date=").removesuffix(_SUFFIX).partition("/")
    placed: list[tuple[Entry, ArchivePlace]] = []
    rest = body
    while rest:
        unpacker = zlib.decompressobj(_GZIP)
        events = entries.read(unpacker.decompress(rest))
        hour, offset = hour_of(events[0].at), len(body) - len(rest)
        placed += [(one, ArchivePlace(hour, name, offset, line)) for line, one in enumerate(events)]
        rest = unpacker.unused_data
    return Segment(day, name, body, tuple(placed))


def first_member(part: bytes) -> list[Entry] | None:
    """Return the events of the member that a part of a segment begins with; None if it is cut."""
    unpacker = zlib.decompressobj(_GZIP)
    lines = unpacker.decompress(part)
    return entries.read(lines) if unpacker.eof else None
