"""The items of AuditTable: keys, attributes, expiry, and writing many of them at once."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import batched

from botocore.exceptions import ClientError

from shared.catalog import access_patterns as patterns
from shared.settings import settings
from shared.store import codec, dynamodb, keys
from shared.store.items import Item, expiry, key_attributes
from shared.store.keys import Address

_LARGEST_BATCH_PUT = 25
# DynamoDB's error code for an item over 400 KB or for a key that is too long. It then stores no
# item of the call.
_NOT_TAKEN = "ValidationException"


def event_address(tenant: str, event_id: str) -> Address:
    """Return the address of an event's row."""
    return keys.address(patterns.EVENT, tenant, ulid=event_id)


def event_item(event: bytes, at: datetime) -> Item:
    """Return the attributes of an event's row, which expires after the retention period."""
    return {"event": {"B": codec.pack(event)}} | expires_after(at, settings().audit_retention_days)


def expires_after(begin: datetime, days: int) -> Item:
    """Return the TTL attribute of an item that is kept for some days; none if `days` is 0."""
    return {"expires": expiry(begin + timedelta(days=days))} if days else {}


def event_of(item: Item) -> bytes:
    """Return the event of a row, in the bytes in which it was written."""
    return codec.unpack(bytes(item["event"]["B"]))[0]


def put_rows(rows: Iterable[tuple[Address, Item]]) -> int:
    """Store rows and return how many DynamoDB refused.

    A row that occurs twice is written once. Raises Busy; some of the rows may be stored then.
    """
    unique = {address.key: key_attributes(*address.key) | item for address, item in rows}
    return sum(
        _refused(batch) for batch in batched(unique.values(), _LARGEST_BATCH_PUT, strict=False)
    )


def _refused(batch: Sequence[Item]) -> int:
    """Store a batch and return how many items were refused.

    If DynamoDB refuses the batch, its items are stored one by one.
    """
    try:
        dynamodb.batch_put(patterns.AUDIT, batch)
    except ClientError as error:
        if error.response["Error"]["Code"] != _NOT_TAKEN:
            raise
        return 1 if len(batch) == 1 else sum(_refused([item]) for item in batch)
    return 0
