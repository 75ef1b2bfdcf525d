"""JSON values: copied, compared and weighed as JSON has them, not as Python has them."""

from collections.abc import Hashable
from typing import Any


def copied(value: Any) -> Any:
    """Copy JSON; numbers keep their text, which `copy.deepcopy` would lose."""
    if isinstance(value, dict):
        return {name: copied(each) for name, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value


def equal(a: Any, b: Any) -> bool:
    """Compare as JSON Patch does: numbers by value, `true` is not 1."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(each, b[name]) for name, each in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def key(value: Any) -> Hashable:
    """Return a key under which a value is found again: values that are equal have the same one."""
    if isinstance(value, dict):
        return "object", frozenset((name, key(each)) for name, each in value.items())
    if isinstance(value, list):
        return "array", tuple(map(key, value))
    hashable: Hashable = value
    return ("boolean", value) if isinstance(value, bool) else hashable


def size(value: Any) -> int:
    """Count characters and values."""
    if isinstance(value, dict):
        return 1 + sum(len(name) + size(each) for name, each in value.items())
    if isinstance(value, list):
        return 1 + sum(map(size, value))
    return 1 + (len(value) if isinstance(value, str) else 0)
