"""The content of the rows of the archive's index, in binary: postings of events, and members.

A posting is an event that names an id, and a member a part of a segment.
"""

import struct
from collections.abc import Iterator, Mapping
from itertools import batched, groupby
from typing import NamedTuple

from shared.audit.entries import Entry
from shared.audit.segments import ArchivePlace
from shared.store.items import Item

# Postings in a row: one has eight bytes, and DynamoDB limits an item to 400 KB.
MOST_POSTINGS = 40_000
# _HEAD is a fingerprint and the number of its postings. _POSTING is the milliseconds since the hour
# began, with the line within the member in the lowest byte, and the member's offset. _MEMBER is the
# milliseconds of its first and last event, and its offset.
_HEAD, _POSTING, _MEMBER = struct.Struct(">IH"), struct.Struct(">II"), struct.Struct(">III")
_MOST_IN_RUN = 65_535
_LINE_BITS = 8
_MILLISECONDS = 1000

# By fingerprint of an id: instant and line of each event that names it, and the member's offset.
type Postings = Mapping[int, list[tuple[int, int]]]


class Posting(NamedTuple):
    """An event that names an id: its instant and its place in the archive."""

    at: str
    place: ArchivePlace


class Member(NamedTuple):
    """A member of a segment: the instants of its first and last event, and its place."""

    first: str
    last: str
    place: ArchivePlace


def packed_members(events: list[tuple[Entry, ArchivePlace]]) -> bytes:
    """Return the content of a segment's row: its members, in order of time."""
    packed = []
    for offset, member in groupby(events, key=lambda event: event[1].offset):
        milliseconds = [_milliseconds(entry.at) for entry, _ in member]
        packed.append(_MEMBER.pack(milliseconds[0], milliseconds[-1], offset))
    return b"".join(packed)


def packed_postings(postings: Postings) -> Iterator[bytes]:
    """Yield the content of a bucket's row, or of several if they do not fit in one."""
    row, count = bytearray(), 0
    for fingerprint in sorted(postings):
        for chunk in batched(postings[fingerprint], _MOST_IN_RUN // 2, strict=False):
            if count and count + len(chunk) > MOST_POSTINGS:
                yield bytes(row)
                row, count = bytearray(), 0
            row += _HEAD.pack(fingerprint, len(chunk))
            row += b"".join(_POSTING.pack(*posting) for posting in chunk)
            count += len(chunk)
    yield bytes(row)


def postings(item: Item, fingerprint: int) -> Iterator[Posting]:
    """Yield the postings of a fingerprint in a bucket's row."""
    hour, segment = _hour_and_segment(item)
    packed, position = bytes(item["postings"]["B"]), 0
    while position < len(packed):
        row_fingerprint, count = _HEAD.unpack_from(packed, position)
        position += _HEAD.size
        end = position + count * _POSTING.size
        if row_fingerprint == fingerprint:
            for when, offset in _POSTING.iter_unpack(packed[position:end]):
                line = when & (1 << _LINE_BITS) - 1
                yield Posting(
                    _instant(hour, when >> _LINE_BITS), ArchivePlace(hour, segment, offset, line)
                )
        position = end


def members(item: Item) -> list[Member]:
    """Return the members in a segment's row, in order of time."""
    hour, segment = _hour_and_segment(item)
    return [
        Member(_instant(hour, first), _instant(hour, last), ArchivePlace(hour, segment, offset, 0))
        for first, last, offset in _MEMBER.iter_unpack(bytes(item["members"]["B"]))
    ]


def _hour_and_segment(item: Item) -> tuple[str, str]:
    hour, segment, *_ = item["sk"]["S"].split("#")
    return hour, segment


def packed_moment(at: str, line: int) -> int:
    """Return an event's instant within its hour, and its line within its member, as one number."""
    return _milliseconds(at) << _LINE_BITS | line


def _milliseconds(at: str) -> int:
    """Return the milliseconds of an instant since its hour began."""
    minutes, seconds, rest = int(at[14:16]), int(at[17:19]), int(at[20:23])
    return (minutes * 60 + seconds) * _MILLISECONDS + rest


def _instant(hour: str, milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, _MILLISECONDS)
    return f"{hour}:{seconds // 60:02}:{seconds % 60:02}.{rest:03}Z"
