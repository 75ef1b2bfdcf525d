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

    def used(self) -> int:
        """Return how much of the quota is used."""
        return items.number(dynamodb.get(self.address) or {}, "count")

    def operation(self, more: int) -> Operation:
        """Return the operation that uses more of the quota, and fails if there is too little."""
        return update(
            self.address,
            "SET #expires = :expires ADD #count :more",
            f"{ABSENT} OR #count <= :room",
            expires=items.expiry(self.end + _KEPT_BEYOND),
            more={"N": str(more)},
            room={"N": str(self.most - more)},
        )
