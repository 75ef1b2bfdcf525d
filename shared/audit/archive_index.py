"""The index of the archive: rows that say where in it the events are that name an id.

Every id that an event refers to (patients, other entities, the agent) belongs to one of BUCKETS
partitions. For each segment and hour a bucket has one row, with the places of all events that name
an id of the bucket: however many patients a search shows, indexing it costs only its bytes. Ids are
told apart by fingerprints, which may collide, so the events that a bucket finds must be matched
again. One more partition has a row with the members of each segment and hour, for searches by date
and reads by id.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC
from hashlib import sha256
from itertools import groupby
from typing import NamedTuple

from shared.audit import archive_rows
from shared.audit.archive_rows import Postings
from shared.audit.entries import Entry
from shared.audit.segments import ArchivePlace, Segment
from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.settings import settings
from shared.store import audit_items, keys
from shared.store.index.rows import value_partitions
from shared.store.items import Item
from shared.store.keys import Address

# Part of every key: after a change of this number, rows under the old keys would not be found.
BUCKETS = 1024


class IndexKey(NamedTuple):
    """The key of an id in the index: its bucket and its fingerprint within the bucket."""

    bucket: int
    fingerprint: int


def index_key(name: str) -> IndexKey:
    """Return the index key of an id, which is named as in a partition without its tenant."""
    digest = sha256(name.encode()).digest()
    return IndexKey(int.from_bytes(digest[:2]) % BUCKETS, int.from_bytes(digest[2:6]))


def rows(segment: Segment) -> Iterator[tuple[Address, Item]]:
    """Yield the index rows of a segment; the same segment always has the same rows."""
    by_hour = groupby(segment.events, key=lambda event: (event[0].tenant, event[1].hour))
    for (tenant, hour), events in by_hour:
        of_hour, expires = list(events), _expiry(hour)
        name = {"hour": hour, "segment": segment.name}
        address = keys.address(patterns.SEGMENTS, tenant, **name)
        yield address, {"members": {"B": archive_rows.packed_members(of_hour)}} | expires
        for bucket, postings in _by_bucket(of_hour).items():
            address = keys.address(patterns.POSTINGS, tenant, bucket=bucket, **name)
            for part, packed in enumerate(archive_rows.packed_postings(postings)):
                row = address._replace(sk=f"{address.sk}#{part}") if part else address
                yield row, {"postings": {"B": packed}} | expires


def _expiry(hour: str) -> Item:
    """Return the TTL attribute of an hour's rows, which is no later than that of the events."""
    deployed = settings()
    limits = filter(None, (deployed.audit_index_days, deployed.audit_retention_days))
    begin = instants.from_text(f"{hour}:00:00.000Z")
    return audit_items.expires_after(begin, min(limits, default=0))


def _by_bucket(events: list[tuple[Entry, ArchivePlace]]) -> Mapping[int, Postings]:
    by_bucket: dict[int, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for entry, place in events:
        moment = archive_rows.packed_moment(entry.at, place.line)
        for name in value_partitions(entry.resource, entry.tenant, UTC):
            bucket, fingerprint = index_key(name.partition("#")[2])
            by_bucket[bucket][fingerprint].append((moment, place.offset))
    return by_bucket
