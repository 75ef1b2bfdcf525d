"""Sorting of results by what the order of keys does not give.

https://hl7.org/fhir/R4/search.html#sort
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from shared.fhir import words
from shared.fhir.fhirjson import Resource
from shared.fhir.instants import Range
from shared.fhir.search_values import Quantity, Reference, Token, Value, values
from shared.search.query.controls import SortKey
from shared.search.query.criteria import Query
from shared.search.run.candidates import Match
from shared.search.run.paging import Cursor, Position, invalid_cursor
from shared.store.index import order

# Added to exponents, so that the smallest one of a decimal is not negative either.
_LEAST = 2 * 10**18
# So many digits of a number are compared: a cursor has room for these.
_MOST_DIGITS = 100
_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def in_order(
    matched: list[Match],
    keys: tuple[SortKey, ...],
    query: Query,
    loads: Callable[[bytes], Resource],
) -> list[Match]:
    """Return matches in the order of some keys, each with its place there."""
    placed = [
        match._replace(place=_position_of(loads(match.json), keys, query)) for match in matched
    ]
    return sorted(placed, key=lambda match: _comparison_key(match.place, keys))


def beyond(cursor: Cursor, matched: list[Match], keys: tuple[SortKey, ...]) -> list[Match]:
    """Return the matches of a list beyond a cursor, the nearest first.

    Raises Invalid if the cursor cannot belong to the list.
    """
    _check_position(cursor.place, keys)
    bound = _comparison_key(cursor.place, keys)
    positions = [_comparison_key(match.place, keys) for match in matched]
    if cursor.is_backward:
        return matched[: sum(position < bound for position in positions)][::-1]
    return matched[sum(not bound < position for position in positions) :]


def _position_of(resource: Resource, keys: tuple[SortKey, ...], query: Query) -> Position:
    """Return a resource's place: its value for each key, None if it has none, and its id."""
    return [*(_value(resource, key, query) for key in keys), resource["id"]]


def _value(resource: Resource, key: SortKey, query: Query) -> str | None:
    sortable = map(_sortable_text, values(resource, key.param, query.zone))
    texts = [text for text in sortable if text]
    if not texts:
        return None
    return max(texts) if key.descending else min(texts)


def _sortable_text(value: Value) -> str:
    if isinstance(value, Range):
        return order.instant_text(value.low)
    if isinstance(value, Token):
        return value.code or value.text
    if isinstance(value, Reference):
        return value.text
    if isinstance(value, Quantity):
        return number_text(value.value)
    return words.fold(value)


def number_text(number: Decimal) -> str:
    """Return a text that sorts as the number does, whatever its exponent."""
    digits = "".join(map(str, number.as_tuple().digits)).lstrip("0").rstrip("0")
    if not digits:
        return "1"
    text = f"{number.adjusted() + _LEAST:020d}{digits[:_MOST_DIGITS]}"
    # Complemented digits sort in reverse, and the tilde sorts a longer negative number first.
    return f"0{text.translate(_COMPLEMENT)}~" if number.is_signed() else f"2{text}"


class _Descending:
    """A value that compares in reverse."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]  # Python's mark of what cannot be hashed


def _comparison_key(position: Position, keys: tuple[SortKey, ...]) -> list[Any]:
    """Return what to sort a position by: None comes last in both directions."""
    *sort_values, resource_id = position
    parts: list[Any] = []
    for key, value in zip(keys, sort_values, strict=True):
        if value is None:
            parts.append((1,))
        else:
            parts.append((0, _Descending(value) if key.descending else value))
    return [*parts, resource_id]


def _check_position(position: Position, keys: tuple[SortKey, ...]) -> None:
    """Raise Invalid if a position out of a cursor cannot belong to a list in this order."""
    *sort_values, last = position
    fits = len(sort_values) == len(keys) and isinstance(last, str if keys else int)
    if not fits or not all(value is None or isinstance(value, str) for value in sort_values):
        raise invalid_cursor()
