"""The audit trail's items."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import batched

from shared import instants
from shared.settings import settings
from shared.store import codec, dynamodb
from shared.store.items import Item
from shared.store.keys import Address

_LARGEST_BATCH = 25


def event_item(event: bytes, at: datetime) -> Item:
    """Write an event of an instant as the attributes of its row, which expires by itself."""
    return {"event": {"B": codec.pack(event)}, **_expiry(at)}


def _expiry(at: datetime) -> Item:
    days = settings().audit_retention_days
    if not days:
        return {}
    seconds = instants.nanoseconds(at + timedelta(days=days)) // instants.SECOND
    return {"expires": {"N": str(seconds)}}


def event_of(item: Item) -> bytes:
    """Read the event of a row, as it was written."""
    return codec.unpack(bytes(item["event"]["B"]))[0]


def put(table: str, rows: Iterable[tuple[Address, Item]]) -> None:
    """Put items, each once or again. Raises Busy, after which some may be there."""
    unique = {
        (address.pk, address.sk): {"pk": {"S": address.pk}, "sk": {"S": address.sk}} | item
        for address, item in rows
    }
    for batch in batched(unique.values(), _LARGEST_BATCH, strict=False):
        dynamodb.batch_put(table, batch)
