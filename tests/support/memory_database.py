"""An in-memory DynamoDB with transactions, whose every call a test can intercept.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from tests.support.expressions import Expression
from tests.support.memory_reads import Item, Memory

LARGEST = 100
# More calls than any request needs. A request that makes more is in an endless loop.
MOST_CALLS = 3000


class CallHooks:
    """Hooks around the calls of one request. This base class lets them all succeed."""

    def before(self, call: str) -> None:
        """Run before a call."""

    def after(self, call: str) -> None:
        """Run after a call that succeeded."""


class Database(Memory):
    """A client whose calls each thread's own hooks can delay or fail.

    `committed` is called after every successful transaction.
    """

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.local()
        # A write of one thread is never in the middle of another's, nor is a read.
        self._lock = threading.Lock()
        self._tokens: set[str] = set()
        self.committed: Callable[[], None] = lambda: None
        self.made = 0

    @property
    def hooks(self) -> CallHooks:
        """The hooks around this thread's calls."""
        hooks: CallHooks = getattr(self._thread, "hooks", None) or CallHooks()
        return hooks

    @hooks.setter
    def hooks(self, hooks: CallHooks) -> None:
        self._thread.hooks = hooks

    @contextmanager
    def with_hooks(self, call: str) -> Iterator[None]:
        """Apply this thread's hooks around a call."""
        self.made += 1
        assert self.made < MOST_CALLS, "a request makes calls without end"
        self.hooks.before(call)
        yield
        self.hooks.after(call)

    def get_item(self, *, TableName: str, Key: Item, **_: Any) -> dict[str, Any]:
        with self.with_hooks("GetItem"), self._lock:
            item = self._at(TableName, Key)
            return {"Item": item} if item else {}

    def query(self, **request: Any) -> dict[str, Any]:
        with self.with_hooks("Query"), self._lock:
            return super().query(**request)

    def scan(self, **request: Any) -> dict[str, Any]:
        with self.with_hooks("Scan"), self._lock:
            return super().scan(**request)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        with self.with_hooks("BatchGetItem"), self._lock:
            return super().batch_get_item(RequestItems=RequestItems)

    def transact_write_items(
        self,
        *,
        TransactItems: list[dict[str, Any]],
        ClientRequestToken: str,
    ) -> None:
        with self.with_hooks("TransactWriteItems"):
            with self._lock:
                if ClientRequestToken in self._tokens:
                    return
                self._transact(TransactItems)
                self._tokens.add(ClientRequestToken)
            self.committed()

    def _transact(self, requests: list[dict[str, Any]]) -> None:
        operations = [Operation(request, self) for request in requests]
        _check(operations)
        reasons = [{"Code": operation.refusal} for operation in operations]
        if any(reason["Code"] != "None" for reason in reasons):
            raise _error("TransactionCanceledException", CancellationReasons=reasons)
        for operation in operations:
            operation.make()

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        with self.with_hooks("BatchWriteItem"), self._lock:
            for table, requests in RequestItems.items():
                for request in requests:
                    self.put_item(TableName=table, Item=request["PutRequest"]["Item"])
        return {"UnprocessedItems": {}}

    def get_paginator(self, operation: str) -> "_Scan":
        assert operation == "scan"
        return _Scan(self)

    def all_items(self, table: str) -> Iterator[Item]:
        """Return every item of a table, in order."""
        for place in sorted(place for place in self.items if place[0] == table):
            yield from (self.items[place][sort] for sort in self.order[place])

    def _at(self, table: str, key: Item) -> Item | None:
        partition = self.items.get((table, key["pk"]["S"]), {})
        return partition.get(key["sk"]["S"])


class _Scan:
    def __init__(self, database: Database) -> None:
        self._database = database

    def paginate(self, *, TableName: str, **_: Any) -> Iterator[dict[str, Any]]:
        yield {"Items": list(self._database.all_items(TableName))}


class Operation:
    """One operation of a transaction, with the item that it applies to."""

    def __init__(self, operation: dict[str, dict[str, Any]], database: Database) -> None:
        ((self.kind, self._body),) = operation.items()
        self._database, self._table = database, self._body["TableName"]
        self._key = self._body.get("Key") or self._body["Item"]
        self.place = (self._table, self._key["pk"]["S"], self._key["sk"]["S"])
        self._before = database._at(self._table, self._key) or {}
        self._used: set[str] = set()
        condition = self._body.get("ConditionExpression")
        met = condition is None or self._expression(condition).holds()
        self.refusal = "None" if met else "ConditionalCheckFailed"
        self._after = self._result()
        defined = {*self._names(), *self._values()}
        if defined != self._used:
            raise _error("ValidationException", Message=f"unused: {defined - self._used}")

    def _names(self) -> dict[str, str]:
        names: dict[str, str] = self._body.get("ExpressionAttributeNames", {})
        return names

    def _values(self) -> Item:
        values: Item = self._body.get("ExpressionAttributeValues", {})
        return values

    def _expression(self, text: str) -> Expression:
        expression = Expression(text, self._before, self._names(), self._values())
        self._used |= expression.used
        return expression

    def _result(self) -> Item | None:
        if self.kind == "Update":
            bare = {name: self._key[name] for name in ("pk", "sk")}
            return bare | self._expression(self._body["UpdateExpression"]).updated_item()
        return self._body["Item"] if self.kind == "Put" else None

    def make(self) -> None:
        if self._after:
            self._database.put_item(TableName=self._table, Item=self._after)
        elif self.kind == "Delete" and self._before:
            key = {name: self._key[name] for name in ("pk", "sk")}
            self._database.delete_item(TableName=self._table, Key=key)

    def undo(self) -> None:
        """Restore the item that was there before the operation."""
        table, partition, sort = self.place
        if self._before:
            self._database.put_item(TableName=table, Item=self._before)
        elif self._database.items[table, partition].get(sort):
            key = {name: self._key[name] for name in ("pk", "sk")}
            self._database.delete_item(TableName=table, Key=key)

    @property
    def is_valid(self) -> bool:
        """Return whether no key and no set is empty."""
        return all(self.place) and {"SS": []} not in (self._after or {}).values()


def _check(operations: list[Operation]) -> None:
    if not 0 < len(operations) <= LARGEST:
        raise _error("ValidationException", Message="too many items")
    if len({operation.place for operation in operations}) < len(operations):
        raise _error("ValidationException", Message="an item twice")
    if not all(operation.is_valid for operation in operations):
        raise _error("ValidationException", Message="an empty key or set")


def _error(code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code}, **more}
    return ClientError(response, "TransactWriteItems")


def unknown_outcome_error() -> ClientError:
    """Return the error that a client raises if the outcome of a call is unknown."""
    return _error("InternalServerError")
