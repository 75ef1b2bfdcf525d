"""Count the calls of AWS that a request makes, what they consume of DynamoDB, and which fail."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

_consumed = {"calls": 0, "readUnits": 0.0, "writeUnits": 0.0}
_accesses = [0]
_failed: Counter[tuple[str, str]] = Counter()
# Error codes are names such as AccessDeniedException. Anything else is not logged.
_NAME = re.compile(r"[A-Za-z0-9.]{1,80}", re.ASCII)
_READS = frozenset({"GetItem", "Query", "BatchGetItem", "Scan"})
_COUNTED = _READS | {"TransactWriteItems"}


def start() -> None:
    """Reset the counters at the beginning of a request."""
    _consumed.update(calls=0, readUnits=0.0, writeUnits=0.0)
    _failed.clear()


def consumed() -> dict[str, float]:
    """Return the calls and units consumed since the request began."""
    return dict(_consumed)


def count_failure(operation: str, code: str) -> None:
    """Count a failed call of AWS by its operation and error code."""
    _failed[_named(operation), _named(code)] += 1


def _named(text: str) -> str:
    return text if _NAME.fullmatch(text) else "?"


def failure_counts() -> Counter[tuple[str, str]]:
    """Return how often calls have failed since the request began, by operation and code."""
    return _failed.copy()


def failure_fields() -> dict[str, list[dict[str, Any]]]:
    """Return the failed calls as a field of the log line; empty if none failed."""
    calls = [
        {"operation": operation, "code": code, "times": times}
        for (operation, code), times in _failed.items()
    ]
    return {"failedCalls": calls} if calls else {}


def add(consumed: Mapping[str, float], failed: Counter[tuple[str, str]]) -> None:
    """Add what was consumed and what failed before the counters were reset within a request."""
    for name, number in consumed.items():
        _consumed[name] += number
    _failed.update(failed)


def count_access() -> None:
    """Count an access to a table, whatever it finds and however often it is retried."""
    _accesses[0] += 1


def accesses() -> int:
    """Return the number of accesses since the process started."""
    return _accesses[0]


def count_calls(client: Any) -> None:
    """Count every call that a client makes."""
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
