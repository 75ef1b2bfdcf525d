"""The transactions that a client made, and an order in which they are possible.

Requests that overlap may have taken effect in either order. Any order that fits their conditions
and ends with the stored items lets tests check the tables after each transaction.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.memory_database import Database, Operation

type Place = tuple[str, str, str]
type Items = dict[Place, Any]

# More than a few threads need for what they did at the same time.
MOST_TRIES = 20_000


@dataclass(frozen=True)
class Made:
    """One transaction, and the times between which it was made."""

    token: str
    operations: list[dict[str, dict[str, Any]]]
    begun: float
    ended: float


@dataclass
class Journal:
    """Records the transactions that a client requests and that are acknowledged."""

    made: list[Made] = field(default_factory=list)
    _begun: dict[str, float] = field(default_factory=dict)
    _noted: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def attach(self, events: Any) -> None:
        """Listen to a client's calls."""
        events.register("before-parameter-build.dynamodb.TransactWriteItems", self._begin)
        events.register_first("after-call.dynamodb.TransactWriteItems", self._end)

    def _begin(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params
        self._begun.setdefault(params["ClientRequestToken"], time.monotonic())

    def _end(self, http_response: Any, context: dict[str, Any], **_: Any) -> None:
        token = context["asked"]["ClientRequestToken"]
        with self._lock:
            if http_response.status_code == 200 and token not in self._noted:
                self._noted.add(token)
                operations = context["asked"]["TransactItems"]
                self.made.append(Made(token, operations, self._begun[token], time.monotonic()))

    def take(self) -> list[Made]:
        """Return the transactions made since the last call, in the order in which they began.

        A request that read what another transaction wrote began later, even if no condition shows
        it.
        """
        taken, self.made = self.made, []
        return sorted(taken, key=lambda transaction: transaction.begun)


def in_order(database: Database, made: list[Made], stored: Items) -> list[Made]:
    """Return an order in which all transactions are possible and end with the stored items.

    Writes nothing. Raises AssertionError if there is no such order.
    """
    search = _Search(database, stored)
    touched = {place for transaction in made for place in _places(transaction)}
    assert search.found(made, touched), f"no order of {len(made)} transactions ends as is stored"
    return search.order


def plain(item: Any) -> Any:
    """Return an item in a form in which equal items are equal. Sets have no order."""
    return item and {
        name: {kind: sorted(value) if kind == "SS" else value for kind, value in typed.items()}
        for name, typed in item.items()
    }


def _places(made: Made) -> Iterator[Place]:
    for operation in made.operations:
        ((_, body),) = operation.items()
        key = body.get("Key") or body["Item"]
        yield body["TableName"], key["pk"]["S"], key["sk"]["S"]


class _Search:
    """Tries the transactions in turn, and backtracks if none of the rest can be next."""

    def __init__(self, database: Database, stored: Items) -> None:
        self._database, self._stored = database, stored
        self.order: list[Made] = []
        self.tries = 0

    def found(self, remaining: list[Made], touched: set[Place]) -> bool:
        if not remaining:
            return all(self._is_as_stored(place) for place in touched)
        latest = min(transaction.ended for transaction in remaining)
        for index, transaction in enumerate(remaining):
            if transaction.begun > latest:
                continue
            self.tries += 1
            assert self.tries < MOST_TRIES, "no order was found in time"
            operations = [
                Operation(operation, self._database) for operation in transaction.operations
            ]
            if any(operation.refusal != "None" for operation in operations):
                continue
            for operation in operations:
                operation.make()
            self.order.append(transaction)
            is_found = self.found([*remaining[:index], *remaining[index + 1 :]], touched)
            for operation in reversed(operations):
                operation.undo()
            if is_found:
                return True
            self.order.pop()
        return False

    def _is_as_stored(self, place: Place) -> bool:
        table, partition, sort = place
        item = self._database.items.get((table, partition), {}).get(sort)
        return bool(plain(item) == plain(self._stored.get(place)))
