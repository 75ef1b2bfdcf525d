"""The operators and functions of FHIRPath that R4's invariants use.

They work on whole collections, which are lists. http://hl7.org/fhirpath/N1/#functions
"""

import re
from collections.abc import Callable, Iterator
from datetime import tzinfo
from functools import cached_property
from typing import Any

from shared.fhir import instants
from shared.fhir.fhirjson import canonical

type Items = list[Any]
# FHIRPath's logic has three values: true, false and empty.
type Truth = bool | None
# Called with the items that it is applied to, and the value of each argument.
type Function = Callable[[Items, list[Items]], Items]

# Longer text is not matched, because some patterns would take very long. Real text is shorter.
LONGEST_MATCHED = 1000


class HashedCollection(list[Any]):
    """A collection that is searched for many items, and therefore hashes its own once."""

    @cached_property
    def texts(self) -> frozenset[bytes]:
        """The items as canonical JSON, by which they are compared."""
        return frozenset(map(canonical, self))


def _texts(items: Items) -> frozenset[bytes]:
    return items.texts if isinstance(items, HashedCollection) else frozenset(map(canonical, items))


def truth(items: Items) -> Truth:
    """Return the truth value of a collection. An element that is not a Boolean counts as true."""
    if not items:
        return None
    return items[0] if isinstance(items[0], bool) else True


def _as_items(value: Truth) -> Items:
    return [] if value is None else [value]


def _and(a: Truth, b: Truth) -> Items:
    if a is False or b is False:
        return [False]
    return _as_items(None if a is None or b is None else True)


def _or(a: Truth, b: Truth) -> Items:
    if a or b:
        return [True]
    return _as_items(None if a is None or b is None else False)


def _xor(a: Truth, b: Truth) -> Items:
    return _as_items(None if a is None or b is None else a != b)


def _implies(a: Truth, b: Truth) -> Items:
    return _or(None if a is None else not a, b)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Items, Items, tzinfo], Items]:
    def operate(a: Items, b: Items, zone: tzinfo) -> Items:
        return [_compared(compare, a[0], b[0], zone)] if a and b else []

    return operate


def _compared(compare: Callable[[Any, Any], bool], a: Any, b: Any, zone: tzinfo) -> bool:
    """Return whether two values are in an order.

    Dates are in an order if any of their instants may be, since each is known only to its
    precision.
    """
    try:
        first, second = instants.parse(a, zone), instants.parse(b, zone)
    except (TypeError, ValueError):
        return compare(a, b)
    return compare(first.low, second.low) or compare(first.high, second.high)


def _equal(a: Items, b: Items) -> bool:
    return [*map(canonical, a)] == [*map(canonical, b)]


def _join(a: Items, b: Items) -> Items:
    is_text = all(isinstance(item, str) for item in (*a, *b))
    return ["".join(str(item) for item in (*a, *b))] if is_text else [sum((*a, *b))]


def _union(a: Items, b: Items) -> Items:
    return [*{canonical(item): item for item in (*a, *b)}.values()]


LOGIC: dict[str, Callable[[Truth, Truth], Items]] = {
    "and": _and,
    "or": _or,
    "xor": _xor,
    "implies": _implies,
}
ORDER: dict[str, Callable[[Items, Items, tzinfo], Items]] = {
    "<": _ordered(lambda a, b: a < b),
    "<=": _ordered(lambda a, b: a <= b),
    ">": _ordered(lambda a, b: a > b),
    ">=": _ordered(lambda a, b: a >= b),
}
OPERATORS: dict[str, Callable[[Items, Items], Items]] = {
    "=": lambda a, b: [_equal(a, b)] if a and b else [],
    "!=": lambda a, b: [not _equal(a, b)] if a and b else [],
    "in": lambda a, b: [len(a) == 1 and canonical(a[0]) in _texts(b)] if a else [],
    "contains": lambda a, b: [len(b) == 1 and canonical(b[0]) in _texts(a)] if b else [],
    "|": _union,
    "+": _join,
    "&": lambda a, b: ["".join(str(item) for item in (*a, *b))],
}


def _chosen(items: Items, results: list[Items]) -> Items:
    return [item for item, result in zip(items, results, strict=True) if truth(result)]


# Functions whose argument is evaluated for each item: called with the items and these results.
OF_EACH: dict[str, Callable[[Items, list[Items]], Items]] = {
    "where": _chosen,
    "exists": lambda items, results: [bool(_chosen(items, results))],
    "all": lambda _, results: [all(truth(result) for result in results)],
    "select": lambda _, results: [item for result in results for item in result],
}


def _text(function: Callable[[str, str], bool]) -> Function:
    def apply(items: Items, arguments: list[Items]) -> Items:
        return [function(items[0], arguments[0][0])] if items and arguments[0] else []

    return apply


def _matches(text: str, pattern: str) -> bool:
    """Return whether a pattern matches a whole text. Raises TypeError if the text is too long."""
    if len(text) > LONGEST_MATCHED:
        raise TypeError("too long to be matched")
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def _children(item: Any) -> Iterator[Any]:
    for value in item.values() if isinstance(item, dict) else ():
        yield from value if isinstance(value, list) else [value]


def _descendants(items: Items) -> Iterator[Any]:
    pending = items
    while pending:
        pending = [child for item in pending for child in _children(item)]
        yield from pending


def _is(items: Items, arguments: list[Items]) -> Items:
    kind = arguments[0][0]
    if not items:
        return []
    item = items[0]
    if isinstance(item, dict):
        return [item.get("resourceType") == kind]
    if isinstance(item, bool) or kind == "Boolean":
        return [isinstance(item, bool) and kind in ("Boolean", "boolean")]
    return [kind == "decimal" and not isinstance(item, str)]


def _of_type(items: Items, arguments: list[Items]) -> Items:
    return [item for item in items if _is([item], arguments) == [True]]


def _number(items: Items, _: list[Items]) -> Items:
    text = str(items[0]) if items else ""
    return [int(text)] if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) else []


FUNCTIONS: dict[str, Function] = {
    "exists": lambda items, _: [bool(items)],
    "empty": lambda items, _: [not items],
    "not": lambda items, _: _as_items(None if not items else not truth(items)),
    "count": lambda items, _: [len(items)],
    "first": lambda items, _: items[:1],
    "tail": lambda items, _: items[1:],
    "isDistinct": lambda items, _: [len({*map(canonical, items)}) == len(items)],
    "hasValue": lambda items, _: [len(items) == 1 and not isinstance(items[0], dict)],
    "children": lambda items, _: [child for item in items for child in _children(item)],
    "descendants": lambda items, _: [*_descendants(items)],
    "combine": lambda items, arguments: [*items, *arguments[0]],
    "intersect": lambda items, arguments: [
        item for item in items if canonical(item) in _texts(arguments[0])
    ],
    "is": _is,
    "as": _of_type,
    "ofType": _of_type,
    "trace": lambda items, _: items,
    "toInteger": _number,
    "startsWith": _text(str.startswith),
    "contains": _text(str.__contains__),
    "matches": _text(_matches),
    "replaceMatches": lambda items, arguments: [
        re.sub(arguments[0][0], arguments[1][0].replace("$", "\\"), text) for text in items
    ],
}
