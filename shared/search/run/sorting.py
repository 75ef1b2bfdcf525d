"""Sorting what the order of keys does not give.

https://hl7.org/fhir/R4/search.html#sort
"""

from decimal import Decimal
from typing import Any

from shared.fhir import words
from shared.fhir.instants import Range
from shared.fhir.search_values import Quantity, Reference, Token, Value, values
from shared.search.query.controls import SortKey
from shared.search.query.criteria import Query
from shared.search.run.paging import Position, refused
from shared.store.index import order

type Resource = dict[str, Any]


# More than the least exponent of a decimal, so that all are from 0 on.
_LEAST = 2 * 10**18
# A cursor has room for these.
_MOST_DIGITS = 100
_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def place(resource: Resource, keys: tuple[SortKey, ...], query: Query) -> Position:
    """Give a resource's place: for each key its value, None where it has none, and its id."""
    return [*(_value(resource, key, query) for key in keys), resource["id"]]


def _value(resource: Resource, key: SortKey, query: Query) -> str | None:
    zone = query.zone
    found = [one for value in values(resource, key.param, zone) if (one := _plain(value)) != ""]
    if not found:
        return None
    return max(found) if key.descending else min(found)


def _plain(value: Value) -> str:
    if isinstance(value, Range):
        return order.text(value.low)
    if isinstance(value, Token):
        return value.code or value.text
    if isinstance(value, Reference):
        return value.text
    if isinstance(value, Quantity):
        return sortable(value.value)
    return words.folded(value)


def sortable(number: Decimal) -> str:
    """Return a text that sorts as the number does, whatever its exponent."""
    digits = "".join(map(str, number.as_tuple().digits)).lstrip("0").rstrip("0")
    if not digits:
        return "1"
    text = f"{number.adjusted() + _LEAST:020d}{digits[:_MOST_DIGITS]}"
    # Of negative numbers the longer is less.
    return f"0{text.translate(_COMPLEMENT)}~" if number.is_signed() else f"2{text}"


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
    """Return a place out of a cursor. Raises Invalid where it cannot be one of this sort."""
    *found, identity = position
    fits = len(found) == len(keys) and isinstance(identity, str)
    if not fits or not all(value is None or isinstance(value, str) for value in found):
        raise refused()
    return position
