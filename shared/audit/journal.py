"""Rows of new events, in which searches find events until the archive and its index have them.

A delivery of log lines, or a batch of the table's stream, becomes one row a tenant. Such rows
expire.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from hashlib import sha256
from itertools import groupby

from shared.audit import entries
from shared.audit.entries import Entry
from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.store import audit_items, codec, dynamodb, keys
from shared.store.items import Item
from shared.store.keys import Address

# Before compression, which shrinks lines to a fourth; DynamoDB limits an item to 400 KB.
LARGEST_ROW_BYTES = 256 * 1024
# Much longer than it takes to archive events, even by hand.
KEPT_DAYS = 7
_HASH_LETTERS = 16
# The greatest age of events that the index may not have yet: the stream gathers them for five
# minutes, and some arrive late.
INDEX_DELAY = timedelta(minutes=10)


def rows(new: Iterable[Entry], *, is_listed: bool = True) -> Iterator[tuple[Address, Item]]:
    """Yield the rows of new events; the same events always make the same rows.

    Rows that are not `is_listed` are archived only, and searches never find their events.
    """
    for tenant, events in groupby(entries.sorted_unique(new), key=lambda entry: entry.tenant):
        for chunk in entries.chunks(events, LARGEST_ROW_BYTES):
            ids = ",".join(entry.id for entry in chunk)
            digest = sha256(ids.encode()).hexdigest()[:_HASH_LETTERS]
            address = keys.address(patterns.NEW_EVENTS, tenant, instant=chunk[0].at, hash=digest)
            mark: Item = {} if is_listed else {"unlisted": {"BOOL": True}}
            yield address, _item(chunk) | mark


def _item(chunk: list[Entry]) -> Item:
    packed = codec.pack(entries.joined_lines(chunk))
    begin = instants.from_text(chunk[0].at)
    return {"events": {"B": packed}} | audit_items.expires_after(begin, KEPT_DAYS)


def unindexed_since() -> str:
    """Return the instant after which events may not be in the index yet."""
    return instants.to_text(instants.now() - INDEX_DELAY)


def new_entries(tenant: str, since: str) -> Iterator[Entry]:
    """Yield the new events since an instant that searches may find."""
    partition, prefix = keys.partition(patterns.NEW_EVENTS, tenant), patterns.NEW_EVENTS.prefix
    between = prefix + since, prefix + keys.AFTER_ALL
    for row in dynamodb.query_all(patterns.AUDIT, partition, between):
        if is_listed(row):
            yield from row_entries(row)


def is_listed(item: Item) -> bool:
    """Return whether searches find the events of a row."""
    return "unlisted" not in item


def row_entries(item: Item) -> list[Entry]:
    """Return the events of a row."""
    return entries.parse(codec.unpack(bytes(item["events"]["B"]))[0])
