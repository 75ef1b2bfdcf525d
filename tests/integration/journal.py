"""The transactions that were made, and the order in which they can have been made.

Requests that overlap may have been made in either order; what an engine has made in any order that
fits its conditions and ends as its tables do can be looked at after each transaction.
"""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.database import Database, Operation

type Place = tuple[str, str, str]
type Items = dict[Place, Any]

# Enough for whatever a handful of threads did at the same moment.
MOST_TRIES = 20_000


@dataclass(frozen=True)
class Made:
    """One transaction, and the seconds between which it was made."""

    token: str
    operations: list[dict[str, dict[str, Any]]]
    begun: float
    ended: float


@dataclass
class Journal:
    """What a client is told to write, and was told that it is written."""

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
        """Return what was made since the last time, in the order in which it was begun.

        Whoever has read what another transaction wrote began later; no condition may tell of that.
        """
        taken, self.made = self.made, []
        return sorted(taken, key=lambda made: made.begun)


def in_order(database: Database, made: list[Made], stored: Items) -> list[Made]:
    """Find an order in which all were possible and that ends as is stored; nothing is written.

    Raises AssertionError where there is none.
    """
    search = _Search(database, stored)
    touched = {place for each in made for place in _places(each)}
    assert search.found(made, touched), f"no order of {len(made)} transactions ends as is stored"
    return search.order


def plain(item: Any) -> Any:
    """Give an item so that equal ones are equal: a set has no order."""
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
    """Tries one transaction after the other, and goes back where none of those left can be next."""

    def __init__(self, database: Database, stored: Items) -> None:
        self._database, self._stored = database, stored
        self.order: list[Made] = []
        self.tries = 0

    def found(self, left: list[Made], touched: set[Place]) -> bool:
        if not left:
            return all(self._is_as_stored(place) for place in touched)
        latest = min(each.ended for each in left)
        for index, each in enumerate(left):
            if each.begun > latest:
                continue
            self.tries += 1
            assert self.tries < MOST_TRIES, "an order is not found"
            operations = [Operation(one, self._database) for one in each.operations]
            if any(one.refusal != "None" for one in operations):
                continue
            for one in operations:
                one.make()
            self.order.append(each)
            is_found = self.found([*left[:index], *left[index + 1 :]], touched)
            for one in reversed(operations):
                one.undo()
            if is_found:
                return True
            self.order.pop()
        return False

    def _is_as_stored(self, place: Place) -> bool:
        table, partition, sort = place
        item = self._database.items.get((table, partition), {}).get(sort)
        return bool(plain(item) == plain(self._stored.get(place)))
