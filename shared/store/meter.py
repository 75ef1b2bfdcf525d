"""What a request consumes of DynamoDB, and which of its calls of AWS failed."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

_consumed = {"calls": 0, "readUnits": 0.0, "writeUnits": 0.0}
_looks = [0]
_failed: Counter[tuple[str, str]] = Counter()
# Codes are names, as AccessDeniedException. Whatever else stands there is not logged.
_NAME = re.compile(r"[A-Za-z0-9.]{1,80}", re.ASCII)
_READS = frozenset({"GetItem", "Query", "BatchGetItem", "Scan"})
_COUNTED = _READS | {"TransactWriteItems"}


def start() -> None:
    """Begin a request."""
    _consumed.update(calls=0, readUnits=0.0, writeUnits=0.0)
    _failed.clear()


def consumed() -> dict[str, float]:
    """Give what has been consumed since the request began."""
    return dict(_consumed)


def fail(operation: str, code: str) -> None:
    """Count a call of AWS that failed, by its operation and the code of the error."""
    _failed[_named(operation), _named(code)] += 1


def _named(text: str) -> str:
    return text if _NAME.fullmatch(text) else "?"


def failed() -> Counter[tuple[str, str]]:
    """Return how often calls have failed since the request began, by operation and code."""
    return _failed.copy()


def failures() -> dict[str, list[dict[str, Any]]]:
    """Return what a log line says of the calls that failed: nothing if none did."""
    told = [
        {"operation": operation, "code": code, "times": times}
        for (operation, code), times in _failed.items()
    ]
    return {"failedCalls": told} if told else {}


def add(consumed: Mapping[str, float], failed: Counter[tuple[str, str]]) -> None:
    """Count what was consumed, and what failed, before a part of the request began anew."""
    for name, number in consumed.items():
        _consumed[name] += number
    _failed.update(failed)


def count_access() -> None:
    """Count a look at the tables, whatever it finds."""
    _looks[0] += 1


def accesses() -> int:
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
