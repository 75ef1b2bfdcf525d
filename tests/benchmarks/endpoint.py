"""DynamoDB answered below botocore in this process, to measure only our code and botocore.

Units: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from math import ceil
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError

from tests.support.memory_database import Database
from tests.support.memory_reads import UNIT, Item, size

WRITE_UNIT = 1024


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the request as a client's method receives it, and the answer."""

    operation: str
    request: dict[str, Any]
    answer: bytes
    sent: int
    read_units: int
    write_units: int


class _Raw(BytesIO):
    """A body as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def respond(url: str, body: bytes, status: int = 200) -> AWSResponse:
    """Return a response of DynamoDB."""
    headers = HTTPHeaders()
    headers["content-type"] = "application/x-amz-json-1.0"
    return AWSResponse(url, status, headers, _Raw(body))


@dataclass
class Endpoint:
    """A DynamoDB for one client. `cpu` and `wall` are the seconds that it took itself."""

    database: Database = field(default_factory=Database)
    cpu: float = 0
    wall: float = 0
    calls: list[Call] = field(default_factory=list)

    def attach(self, client: Any) -> None:
        """Answer every call of a client."""
        client.meta.events.register("before-send.dynamodb", self._take)

    def _take(self, request: Any, event_name: str, **_: Any) -> AWSResponse:
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            return self._answer(event_name.rpartition(".")[2], request)
        finally:
            self.cpu += time.process_time() - cpu
            self.wall += time.perf_counter() - wall

    def _answer(self, operation: str, request: Any) -> AWSResponse:
        self.database.made = 0
        arguments = _from_wire(json.loads(request.body))
        sizes_before = self._weights(arguments)
        try:
            options = {
                name: value for name, value in arguments.items() if name not in _SAID_OF_CAPACITY
            }
            answer = getattr(self.database, METHODS[operation])(**options) or {}
        except ClientError as error:
            reasons = error.response.get("CancellationReasons")
            refusal = {"__type": error.response["Error"]["Code"], "CancellationReasons": reasons}
            return respond(request.url, json.dumps(refusal).encode(), 400)
        units = _READS[operation](answer) if operation in _READS else 0
        writes = sum(map(_units, sizes_before, self._weights(arguments))) + sum(_puts(arguments))
        if "ReturnConsumedCapacity" in arguments:
            answer |= {"ConsumedCapacity": _capacity(operation, units + writes)}
        body = json.dumps(_to_wire(answer)).encode()
        self.calls.append(Call(operation, arguments, body, len(request.body), units, writes))
        return respond(request.url, body)

    def _weights(self, request: dict[str, Any]) -> list[int]:
        """Return the current sizes of the items that the operations of a transaction concern."""
        items = []
        for operation in request.get("TransactItems", ()):
            (body,) = operation.values()
            key = body.get("Key") or {name: body["Item"][name] for name in ("pk", "sk")}
            items.append(self.database._at(body["TableName"], key))
        return [size(item) if item else 0 for item in items]


def _units(size_before: int, size_after: int) -> int:
    """Return the units of one write in a transaction, which cost twice those of a plain write."""
    return 2 * max(1, ceil(max(size_before, size_after) / WRITE_UNIT))


def _puts(arguments: dict[str, Any]) -> Iterator[int]:
    """Yield the units of each item that a batch puts outside of a transaction."""
    for requests in arguments.get("RequestItems", {}).values():
        for request in requests if isinstance(requests, list) else ():
            yield max(1, ceil(size(request["PutRequest"]["Item"]) / WRITE_UNIT))


_SAID_OF_CAPACITY = {"ReturnConsumedCapacity"}
METHODS = {
    "GetItem": "get_item",
    "Query": "query",
    "BatchGetItem": "batch_get_item",
    "BatchWriteItem": "batch_write_item",
    "TransactWriteItems": "transact_write_items",
}


def _read_units(items: list[Item]) -> int:
    return max(1, ceil(sum(map(size, items)) / UNIT))


_READS: dict[str, Callable[[dict[str, Any]], int]] = {
    "GetItem": lambda answer: _read_units([answer["Item"]] if "Item" in answer else []),
    "Query": lambda answer: _read_units(answer["Items"]),
    "BatchGetItem": lambda answer: sum(
        _read_units([item]) for found in answer["Responses"].values() for item in found
    ),
}


def _capacity(operation: str, units: int) -> Any:
    total = {"TableName": "all", "CapacityUnits": units}
    return total if operation in ("GetItem", "Query") else [total]


def _from_wire(value: Any) -> Any:
    """Return a value as a client's method receives it, with binary values as bytes."""
    if isinstance(value, list):
        return [_from_wire(part) for part in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"B"}:
        return {"B": b64decode(value["B"])}
    return {name: _from_wire(part) for name, part in value.items()}


def _to_wire(value: Any) -> Any:
    if isinstance(value, list):
        return [_to_wire(part) for part in value]
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _to_wire(part) for name, part in value.items()}
    return value
