"""Copying, comparing and measuring JSON values by the rules of JSON, not those of Python."""

from collections.abc import Hashable
from typing import Any


def deep_copy(value: Any) -> Any:
    """Return a deep copy, which takes a fraction of the time of `copy.deepcopy`."""
    if isinstance(value, dict):
        return {name: deep_copy(member) for name, member in value.items()}
    return [deep_copy(item) for item in value] if isinstance(value, list) else value


def equal(a: Any, b: Any) -> bool:
    """Return whether two values are equal for JSON Patch: numbers by value, `true` is not 1."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(member, b[name]) for name, member in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def hashable_key(value: Any) -> Hashable:
    """Return a hashable key of a value, the same for all values that are `equal`."""
    if isinstance(value, dict):
        return "object", frozenset((name, hashable_key(member)) for name, member in value.items())
    if isinstance(value, list):
        return "array", tuple(map(hashable_key, value))
    hashable: Hashable = value
    return ("boolean", value) if isinstance(value, bool) else hashable


def size(value: Any) -> int:
    """Return the number of characters and values in a value."""
    if isinstance(value, dict):
        return 1 + sum(len(name) + size(member) for name, member in value.items())
    if isinstance(value, list):
        return 1 + sum(map(size, value))
    return 1 + (len(value) if isinstance(value, str) else 0)
