"""The audit trail's items."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import batched

from botocore.exceptions import ClientError

from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.settings import settings
from shared.store import codec, dynamodb, keys
from shared.store.items import Item
from shared.store.keys import Address

_LARGEST_BATCH_PUT = 25
# Of an item over 400 KB, or keys that are too long: no item of the call is stored then.
_NOT_TAKEN = "ValidationException"


def event_address(tenant: str, event_id: str) -> Address:
    """Give the address of an event's row."""
    return keys.address(patterns.EVENT, tenant, ulid=event_id)


def event_item(event: bytes, at: datetime) -> Item:
    """Write an event of an instant as the attributes of its row, which expires by itself."""
    return {"event": {"B": codec.pack(event)}, **_expiry(at)}


def _expiry(at: datetime) -> Item:
    days = settings().audit_retention_days
    return {"expires": expiry(at + timedelta(days=days))} if days else {}


def expiry(until: datetime) -> dict[str, str]:
    """Return the value of the attribute after whose time DynamoDB removes an item."""
    return {"N": str(instants.nanoseconds(until) // instants.SECOND)}


def event_of(item: Item) -> bytes:
    """Read the event of a row, as it was written."""
    return codec.unpack(bytes(item["event"]["B"]))[0]


def put_rows(written: Iterable[tuple[Address, Item]]) -> int:
    """Put rows, each once or again, and return how many DynamoDB does not take.

    Raises Busy, after which some may be there.
    """
    unique = {
        (address.pk, address.sk): {"pk": {"S": address.pk}, "sk": {"S": address.sk}} | item
        for address, item in written
    }
    return sum(
        _refused(batch) for batch in batched(unique.values(), _LARGEST_BATCH_PUT, strict=False)
    )


def _refused(batch: Sequence[Item]) -> int:
    """Put a batch, where one of it is refused one by one; return how many were refused."""
    try:
        dynamodb.batch_put(patterns.AUDIT, batch)
    except ClientError as error:
        if error.response["Error"]["Code"] != _NOT_TAKEN:
            raise
        return 1 if len(batch) == 1 else sum(_refused([item]) for item in batch)
    return 0
