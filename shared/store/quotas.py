"""Quotas: items that limit how much one person creates in a day.

A quota's item is counted up in the transaction that creates, on condition that there is room left.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from shared.store import dynamodb, items
from shared.store.keys import Address
from shared.store.operations import ABSENT, Operation, update

# An item outlives its day, because DynamoDB's clock may differ.
_KEPT_BEYOND = timedelta(days=1)


class Quota(NamedTuple):
    """A quota: an item counts at `address` up to `most` until `end`, when its day is over."""

    address: Address
    most: int
    end: datetime


def used(quota: Quota) -> int:
    """Return how much of a quota is used."""
    item = dynamodb.get(quota.address.table, (quota.address.pk, quota.address.sk))
    return items.number(item, "count") if item else 0


def operation(quota: Quota, more: int) -> Operation:
    """Return the operation that uses more of a quota, and fails if there is too little left."""
    expires = int((quota.end + _KEPT_BEYOND).timestamp())
    return update(
        quota.address,
        "SET #expires = :expires ADD #count :more",
        f"{ABSENT} OR #count <= :room",
        expires={"N": str(expires)},
        more={"N": str(more)},
        room={"N": str(quota.most - more)},
    )
