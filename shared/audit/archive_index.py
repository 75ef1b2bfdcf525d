"""The index of the archive: rows that say where in it the events are that name an id.

Every id that an event refers to (patients, other entities, the agent) belongs to one of BUCKETS
partitions. For each segment and hour a bucket has one row, with the places of all events that name
an id of the bucket: however many patients a search shows, indexing it costs only its bytes. Ids are
told apart by fingerprints, which may collide, so the events that a bucket finds must be matched
again. One more partition has a row with the members of each segment and hour, for searches by date
and reads by id.
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

# Part of every key: after a change of this number, rows under the old keys would not be found.
BUCKETS = 1024
# Postings in a row: one has eight bytes, and DynamoDB limits an item to 400 KB.
MOST_POSTINGS = 40_000
# _HEAD is a fingerprint and the number of its postings. _POSTING is the milliseconds since the hour
# began, with the line within the member in the lowest byte, and the member's offset. _MEMBER is the
# milliseconds of its first and last event, and its offset.
_HEAD, _POSTING, _MEMBER = struct.Struct(">IH"), struct.Struct(">II"), struct.Struct(">III")
_MOST_IN_RUN = 65_535
_LINE_BITS = 8
_MILLISECONDS = 1000

type Postings = dict[int, list[tuple[int, int]]]


class IndexKey(NamedTuple):
    """The key of an id in the index: its bucket and its fingerprint within the bucket."""

    bucket: int
    fingerprint: int


class Posting(NamedTuple):
    """An event that names an id: its instant and its place in the archive."""

    at: str
    place: ArchivePlace


class Member(NamedTuple):
    """A member of a segment: the instants of its first and last event, and its place."""

    first: str
    last: str
    place: ArchivePlace


def index_key(name: str) -> IndexKey:
    """Return the index key of an id, which is named as in a partition without its tenant."""
    digest = sha256(name.encode()).digest()
    return IndexKey(int.from_bytes(digest[:2]) % BUCKETS, int.from_bytes(digest[2:6]))


def bucket_partition(tenant: str, bucket: int) -> str:
    """Return the partition of a bucket of a tenant."""
    return f"{tenant}#{patterns.POSTINGS.partition.format(bucket=bucket)}"


def segments_partition(tenant: str) -> str:
    """Return the partition of a tenant's segments."""
    return f"{tenant}#{patterns.SEGMENTS.partition}"


def rows(segment: Segment) -> Iterator[tuple[Address, Item]]:
    """Yield the index rows of a segment; the same segment always has the same rows."""
    for (tenant, hour), events in groupby(segment.events, key=_tenant_and_hour):
        of_part = list(events)
        place = of_part[0][1]
        expires = _expiry(hour)
        address = _address(segments_partition(tenant), place, 0)
        yield address, {"members": _members(of_part)} | expires
        for bucket, postings in _by_bucket(of_part).items():
            for part, packed in enumerate(_packed(postings)):
                address = _address(bucket_partition(tenant, bucket), place, part)
                yield address, {"postings": {"B": packed}} | expires


def _tenant_and_hour(event: tuple[Entry, ArchivePlace]) -> tuple[str, str]:
    return event[0].tenant, event[1].hour


def _address(partition: str, place: ArchivePlace, part: int) -> Address:
    sort = patterns.POSTINGS.sort.format(hour=place.hour, segment=place.segment)
    return Address(patterns.AUDIT, partition, f"{sort}#{part}" if part else sort)


def _expiry(hour: str) -> Item:
    """Return the TTL attribute of an hour's rows, which is no later than that of the events."""
    deployed = settings()
    limits = [days for days in (deployed.audit_index_days, deployed.audit_retention_days) if days]
    if not limits:
        return {}
    return {"expires": audit_items.expiry(_begin(hour) + timedelta(days=min(limits)))}


def _members(events: list[tuple[Entry, ArchivePlace]]) -> dict[str, bytes]:
    packed = []
    for offset, member in groupby(events, key=lambda event: event[1].offset):
        milliseconds = [_milliseconds(entry.at) for entry, _ in member]
        packed.append(_MEMBER.pack(milliseconds[0], milliseconds[-1], offset))
    return {"B": b"".join(packed)}


def _by_bucket(events: list[tuple[Entry, ArchivePlace]]) -> dict[int, Postings]:
    by_bucket: dict[int, Postings] = defaultdict(lambda: defaultdict(list))
    for entry, place in events:
        when = _milliseconds(entry.at) << _LINE_BITS | place.line
        for name in value_partitions(entry.resource, entry.tenant, UTC):
            bucket, fingerprint = index_key(name.partition("#")[2])
            by_bucket[bucket][fingerprint].append((when, place.offset))
    return by_bucket


def _packed(postings: Mapping[int, list[tuple[int, int]]]) -> Iterator[bytes]:
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


def _begin(hour: str) -> datetime:
    return instants.from_text(f"{hour}:00:00.000Z")


def _milliseconds(at: str) -> int:
    """Return the milliseconds of an instant since its hour began."""
    minutes, seconds, rest = int(at[14:16]), int(at[17:19]), int(at[20:23])
    return (minutes * 60 + seconds) * _MILLISECONDS + rest


def _instant(hour: str, milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, _MILLISECONDS)
    return f"{hour}:{seconds // 60:02}:{seconds % 60:02}.{rest:03}Z"
