"""Items that count what one caller creates in a day, so that nobody creates without end.

Each is read once and changed in the transaction that creates, on condition that it still has room.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from shared.store import dynamodb, items
from shared.store.keys import Address
from shared.store.operations import ABSENT, Operation, update

# It outlives its day, since DynamoDB's clock is not ours.
_KEPT_BEYOND = timedelta(days=1)


class Quota(NamedTuple):
    """What is counted at an address: `most` until `end`, when its day is over."""

    address: Address
    most: int
    end: datetime


def used(quota: Quota) -> int:
    """Read how much of a quota is used."""
    item = dynamodb.get(quota.address.table, (quota.address.pk, quota.address.sk))
    return items.number(item, "count") if item else 0


def operation(quota: Quota, more: int) -> Operation:
    """Return the operation that uses more of a quota, and fails if there is no room for it."""
    expires = int((quota.end + _KEPT_BEYOND).timestamp())
    return update(
        quota.address,
        "SET #expires = :expires ADD #count :more",
        f"{ABSENT} OR #count <= :room",
        expires={"N": str(expires)},
        more={"N": str(more)},
        room={"N": str(quota.most - more)},
    )
