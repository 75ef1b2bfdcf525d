"""The index of the archive: rows that say where in it the events are that name an id.

Every id that an event refers to (patients, other entities, who asked) belongs to one of BUCKETS
partitions. Of each segment a bucket has one row an hour, with the places of all events that name an
id of the bucket: however many patients a search shows, it costs no more than its bytes. Ids are
told apart by fingerprints, so what a bucket finds must be looked at. A further partition has of
each segment where its members are, for searches by date and reading by id.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import batched, groupby
from typing import NamedTuple

from shared.audit.entries import Entry
from shared.audit.segments import ArchivePlace, Segment
from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.settings import settings
from shared.store import audit_items
from shared.store.index.rows import value_partitions
from shared.store.items import Item
from shared.store.keys import Address

# Part of every row's key: with another number, older rows would have to be read beside.
BUCKETS = 1024
# A row ends at 400 KB; a posting has eight bytes.
MOST_POSTINGS = 40_000
# A fingerprint and how many postings follow; the milliseconds in the hour with the line in the
# member's last byte, and the member's offset; of a member its first and last ms and the offset.
_HEAD, _POSTING, _MEMBER = struct.Struct(">IH"), struct.Struct(">II"), struct.Struct(">III")
_MOST_IN_RUN = 65_535
_LINE_BITS = 8
_MILLISECONDS = 1000

type Postings = dict[int, list[tuple[int, int]]]


class IndexKey(NamedTuple):
    """By what the events are found that name an id: a bucket and a fingerprint."""

    bucket: int
    fingerprint: int


class Posting(NamedTuple):
    """An event that names an id: when, and where it is."""

    at: str
    place: ArchivePlace


class Member(NamedTuple):
    """A member of a segment: the instants of its first and last event, and where it is."""

    first: str
    last: str
    place: ArchivePlace


def index_key(name: str) -> IndexKey:
    """Return the key of an id's partition, without its tenant."""
    digest = sha256(name.encode()).digest()
    return IndexKey(int.from_bytes(digest[:2]) % BUCKETS, int.from_bytes(digest[2:6]))


def bucket_partition(tenant: str, bucket: int) -> str:
    """Return the partition of a bucket."""
    return f"{tenant}#{patterns.POSTINGS.partition.format(bucket=bucket)}"


def segments_partition(tenant: str) -> str:
    """Return the partition of a tenant's segments."""
    return f"{tenant}#{patterns.SEGMENTS.partition}"


def rows(segment: Segment) -> Iterator[tuple[Address, Item]]:
    """Return the index rows of a segment; the same segment has the same rows."""
    for (tenant, hour), events in groupby(segment.events, key=_part):
        known = list(events)
        place = known[0][1]
        expires = _expiry(hour)
        yield _address(segments_partition(tenant), place, 0), {"members": _members(known)} | expires
        for bucket, postings in _by_bucket(known).items():
            for part, packed in enumerate(_packed(postings)):
                address = _address(bucket_partition(tenant, bucket), place, part)
                yield address, {"postings": {"B": packed}} | expires


def _part(event: tuple[Entry, ArchivePlace]) -> tuple[str, str]:
    return event[0].tenant, event[1].hour


def _address(partition: str, place: ArchivePlace, part: int) -> Address:
    sort = patterns.POSTINGS.sort.format(hour=place.hour, segment=place.segment)
    return Address(patterns.AUDIT, partition, f"{sort}#{part}" if part else sort)


def _expiry(hour: str) -> Item:
    """Return when rows expire: when the index ends, but no later than the events themselves."""
    said = settings()
    known = [days for days in (said.audit_index_days, said.audit_retention_days) if days]
    if not known:
        return {}
    return {"expires": audit_items.expiry(_begin(hour) + timedelta(days=min(known)))}


def _members(events: list[tuple[Entry, ArchivePlace]]) -> dict[str, bytes]:
    found = []
    for offset, member in groupby(events, key=lambda event: event[1].offset):
        inside = [_since(entry.at) for entry, _ in member]
        found.append(_MEMBER.pack(inside[0], inside[-1], offset))
    return {"B": b"".join(found)}


def _by_bucket(events: list[tuple[Entry, ArchivePlace]]) -> dict[int, Postings]:
    found: dict[int, Postings] = defaultdict(lambda: defaultdict(list))
    for entry, place in events:
        when = _since(entry.at) << _LINE_BITS | place.line
        for name in value_partitions(entry.resource, entry.tenant, UTC):
            bucket, fingerprint = index_key(name.partition("#")[2])
            found[bucket][fingerprint].append((when, place.offset))
    return found


def _packed(postings: Mapping[int, list[tuple[int, int]]]) -> Iterator[bytes]:
    """Return the content of a bucket's row, or of several where one has no room."""
    row, count = bytearray(), 0
    for fingerprint in sorted(postings):
        for some in batched(postings[fingerprint], _MOST_IN_RUN // 2, strict=False):
            if count and count + len(some) > MOST_POSTINGS:
                yield bytes(row)
                row, count = bytearray(), 0
            row += _HEAD.pack(fingerprint, len(some))
            row += b"".join(_POSTING.pack(*one) for one in some)
            count += len(some)
    yield bytes(row)


def postings(item: Item, fingerprint: int) -> Iterator[Posting]:
    """Return the postings of a fingerprint that a bucket's row has."""
    hour, segment = _named(item)
    packed, position = bytes(item["postings"]["B"]), 0
    while position < len(packed):
        own, count = _HEAD.unpack_from(packed, position)
        position += _HEAD.size
        end = position + count * _POSTING.size
        if own == fingerprint:
            for when, offset in _POSTING.iter_unpack(packed[position:end]):
                line = when & (1 << _LINE_BITS) - 1
                yield Posting(
                    _instant(hour, when >> _LINE_BITS), ArchivePlace(hour, segment, offset, line)
                )
        position = end


def members(item: Item) -> list[Member]:
    """Return the members of a segment from its row, in the order of time."""
    hour, segment = _named(item)
    return [
        Member(_instant(hour, first), _instant(hour, last), ArchivePlace(hour, segment, offset, 0))
        for first, last, offset in _MEMBER.iter_unpack(bytes(item["members"]["B"]))
    ]


def _named(item: Item) -> tuple[str, str]:
    hour, segment, *_ = item["sk"]["S"].split("#")
    return hour, segment


def _begin(hour: str) -> datetime:
    return instants.read(f"{hour}:00:00.000Z")


def _since(at: str) -> int:
    """Return the milliseconds of an instant since its hour began."""
    minutes, seconds, rest = int(at[14:16]), int(at[17:19]), int(at[20:23])
    return (minutes * 60 + seconds) * _MILLISECONDS + rest


def _instant(hour: str, milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, _MILLISECONDS)
    return f"{hour}:{seconds // 60:02}:{seconds % 60:02}.{rest:03}Z"
