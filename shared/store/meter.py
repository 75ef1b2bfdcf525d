"""What a request consumes of DynamoDB: calls, and units as DynamoDB counts them."""

from collections.abc import Mapping
from typing import Any

_consumed = {"calls": 0, "readUnits": 0.0, "writeUnits": 0.0}
_looks = [0]
_READS = frozenset({"GetItem", "Query", "BatchGetItem", "Scan"})
_COUNTED = _READS | {"TransactWriteItems"}


def start() -> None:
    """Begin a request."""
    _consumed.update(calls=0, readUnits=0.0, writeUnits=0.0)


def read() -> dict[str, float]:
    """Give what has been consumed since the request began."""
    return dict(_consumed)


def add(consumed: Mapping[str, float]) -> None:
    """Count what was consumed before a part of the request began anew."""
    for name, number in consumed.items():
        _consumed[name] += number


def look() -> None:
    """Count a look at the tables, whatever it finds."""
    _looks[0] += 1


def looks() -> int:
    """Return how many looks there have been."""
    return _looks[0]


def attach(client: Any) -> None:
    """Count every call of a client."""
    client.meta.events.register("before-parameter-build.dynamodb", _ask)
    client.meta.events.register("after-call.dynamodb", _count)


def _ask(params: dict[str, Any], model: Any, **_: Any) -> None:
    if model.name in _COUNTED:
        params["ReturnConsumedCapacity"] = "TOTAL"


def _count(parsed: dict[str, Any], model: Any, **_: Any) -> None:
    capacity = parsed.get("ConsumedCapacity", ())
    parts = capacity if isinstance(capacity, list) else [capacity] if capacity else []
    units = sum(part.get("CapacityUnits", 0) for part in parts)
    _consumed["calls"] += 1
    _consumed["readUnits" if model.name in _READS else "writeUnits"] += units
