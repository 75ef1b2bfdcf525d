"""Sorting what the order of keys does not give.

https://hl7.org/fhir/R4/search.html#sort
"""

import sys
from typing import Any

from shared.index import order
from shared.index.values import Quantity, Reference, Token, Value, values
from shared.instants import Range
from shared.search.controls import SortKey
from shared.search.criteria import Query
from shared.search.paging import Position, refused

type Resource = dict[str, Any]


_LARGEST = sys.float_info.max


def place(resource: Resource, keys: tuple[SortKey, ...], query: Query) -> Position:
    """Give a resource's place: for each key its value, None where it has none, and its id."""
    return [*(_value(resource, key, query) for key in keys), resource["id"]]


def _value(resource: Resource, key: SortKey, query: Query) -> str | float | None:
    zone = query.zone
    found = [one for value in values(resource, key.param, zone) if (one := _plain(value)) != ""]
    if not found:
        return None
    return max(found) if key.descending else min(found)


def _plain(value: Value) -> str | float:
    if isinstance(value, Range):
        return order.text(value.low)
    if isinstance(value, Token):
        return value.code or value.text
    if isinstance(value, Reference):
        return value.text
    if isinstance(value, Quantity):
        # A cursor has no infinity: what is beyond a processor's numbers is its largest.
        return max(-_LARGEST, min(float(value.value), _LARGEST))
    return value.casefold()


class _Descending:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]  # so Python marks what is compared only


def comparable(position: Position, keys: tuple[SortKey, ...]) -> list[Any]:
    """Give what to sort a place by: what is None is last both ways."""
    *found, identity = position
    parts: list[Any] = []
    for key, value in zip(keys, found, strict=True):
        if value is None:
            parts.append((1,))
        else:
            parts.append((0, _Descending(value) if key.descending else value))
    return [*parts, identity]


def checked(position: Position, keys: tuple[SortKey, ...]) -> Position:
    """Give a place out of a cursor. Raises Invalid where it cannot be one of this sort."""
    *found, identity = position
    fits = len(found) == len(keys) and isinstance(identity, str)
    for key, value in zip(keys, found, strict=False):
        kind = int | float if key.param.type == "quantity" else str
        fits = fits and (value is None or isinstance(value, kind))
    if not fits:
        raise refused()
    return position
