"""As much of FHIRPath as R4's invariants of contained resources are written in.

Values are JSON, collections are lists. http://hl7.org/fhirpath/N1/
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from shared.fhirjson import canonical

type Items = list[Any]

UCUM = "http://unitsofmeasure.org"
# Longer text is not matched: nobody writes it, and some patterns would take very long.
LONGEST_MATCHED = 1000
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>\d+)|(?P<name>[$%]?[A-Za-z_]\w*)"
    r"|(?P<sign><=|>=|!=|[-+&|.,()<>=\[\]]))"
)
# The operators, from those that bind least.
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("implies",),
    ("or", "xor"),
    ("and",),
    ("in", "contains"),
    ("=", "!="),
    ("<", "<=", ">", ">="),
    ("|",),
    ("is", "as"),
    ("+", "&"),
)


class Place(NamedTuple):
    """Where an expression is evaluated: the resource, the element it is about, and `$this`."""

    resource: Any
    context: Any
    this: Any


type Evaluation = Callable[[Place], Items]


@cache
def parsed(expression: str) -> Evaluation:
    """Read an expression. Raises ValueError for what R4's invariants do not use."""
    parser = _Parser(expression)
    evaluation = parser.operation(0)
    if parser.peek():
        raise ValueError(f"{parser.peek()} in {expression}")
    return evaluation


def holds(expression: str, element: Any, resource: Any) -> bool:
    """Tell whether an element keeps an invariant; one that says nothing is kept."""
    try:
        return parsed(expression)(Place(resource, element, element)) != [False]
    except TypeError:
        # A value is not of its type, which is an issue of its own.
        return True


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, expression: str) -> None:
        self._tokens: list[str] = []
        end = 0
        while match := _TOKEN.match(expression, end):
            self._tokens.append(match[0].strip())
            end = match.end()
        if expression[end:].strip():
            raise ValueError(f"{expression[end:]} in {expression}")
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token != expected):
            raise ValueError(f"{token} where {expected} is expected")
        self._at += 1
        return token

    def operation(self, level: int) -> Evaluation:
        if level == len(_LEVELS):
            return self.path()
        left = self.operation(level + 1)
        while self.peek() in _LEVELS[level]:
            name = self.take()
            if name in ("is", "as"):
                left = _applied(left, name, [_name(self.take())])
            else:
                left = _operated(name, left, self.operation(level + 1))
        return left

    def path(self) -> Evaluation:
        found = self.term()
        while self.peek() == ".":
            self.take(".")
            name = self.take()
            found = self.call(found, name) if self.peek() == "(" else _member(found, name)
        return found

    def term(self) -> Evaluation:
        if self.peek() == "(":
            self.take()
            inner = self.operation(0)
            self.take(")")
            return inner
        first = self.take()
        if first[0] == "'":
            text = re.sub(r"\\(.)", r"\1", first[1:-1])
            return lambda _: [text]
        if first.isdecimal():
            number = int(first)
            return lambda _: [number]
        if first in _NAMED:
            return _NAMED[first]
        if self.peek() == "(":
            return self.call(_NAMED["$this"], first)
        return _first_member(first)

    def call(self, found: Evaluation, name: str) -> Evaluation:
        self.take("(")
        arguments: list[Evaluation] = []
        while self.peek() != ")":
            if name in ("is", "as", "ofType"):
                arguments.append(_name(self.take()))
            else:
                arguments.append(self.operation(0))
            if self.peek() == ",":
                self.take(",")
        self.take(")")
        return _applied(found, name, arguments)


_NAMED: dict[str, Evaluation] = {
    "true": lambda _: [True],
    "false": lambda _: [False],
    "$this": lambda place: [] if place.this is None else [place.this],
    "%resource": lambda place: [place.resource],
    "%context": lambda place: [place.context],
    "%ucum": lambda _: [UCUM],
}


def _name(token: str) -> Evaluation:
    return lambda _: [token]


def _children(item: Any, name: str) -> Iterator[Any]:
    """Give the values of an element, or of whichever type a choice has."""
    if not isinstance(item, dict):
        return
    size = len(name)
    for key, value in item.items():
        own = key.removeprefix("_")
        is_own = own == name or (own.startswith(name) and own[size : size + 1].isupper())
        # Extensions alone are an element, too.
        if is_own and (key == own or own not in item):
            yield from value if isinstance(value, list) else [value]


def _member(found: Evaluation, name: str) -> Evaluation:
    return lambda place: [each for item in found(place) for each in _children(item, name)]


def _first_member(name: str) -> Evaluation:
    def evaluate(place: Place) -> Items:
        if isinstance(place.this, dict) and place.this.get("resourceType") == name:
            return [place.this]
        return [*_children(place.this, name)]

    return evaluate


def _operated(name: str, left: Evaluation, right: Evaluation) -> Evaluation:
    if name in _LOGIC:
        logic = _LOGIC[name]
        return lambda place: logic(_truth(left(place)), _truth(right(place)))
    operator = _OPERATORS[name]
    return lambda place: operator(left(place), right(place))


def _truth(items: Items) -> bool | None:
    """Read a collection as a truth value; a single element that is no Boolean is there: true."""
    if not items:
        return None
    return items[0] if isinstance(items[0], bool) else True


def _known(value: bool | None) -> Items:  # noqa: FBT001 - FHIRPath's three truth values
    return [] if value is None else [value]


def _and(a: bool | None, b: bool | None) -> Items:  # noqa: FBT001
    if a is False or b is False:
        return [False]
    return _known(None if a is None or b is None else True)


def _or(a: bool | None, b: bool | None) -> Items:  # noqa: FBT001
    if a or b:
        return [True]
    return _known(None if a is None or b is None else False)


def _xor(a: bool | None, b: bool | None) -> Items:  # noqa: FBT001
    return _known(None if a is None or b is None else a != b)


def _implies(a: bool | None, b: bool | None) -> Items:  # noqa: FBT001
    return _or(None if a is None else not a, b)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Items, Items], Items]:
    def operate(a: Items, b: Items) -> Items:
        try:
            return [compare(a[0], b[0])] if a and b else []
        except TypeError:
            return []

    return operate


def _equal(a: Items, b: Items) -> bool:
    return [*map(canonical, a)] == [*map(canonical, b)]


def _join(a: Items, b: Items) -> Items:
    text = all(isinstance(each, str) for each in (*a, *b))
    return ["".join(str(each) for each in (*a, *b))] if text else [sum((*a, *b))]


def _union(a: Items, b: Items) -> Items:
    return [*{canonical(each): each for each in (*a, *b)}.values()]


_LOGIC: dict[str, Callable[[bool | None, bool | None], Items]] = {
    "and": _and,
    "or": _or,
    "xor": _xor,
    "implies": _implies,
}
_OPERATORS: dict[str, Callable[[Items, Items], Items]] = {
    "=": lambda a, b: [_equal(a, b)] if a and b else [],
    "!=": lambda a, b: [not _equal(a, b)] if a and b else [],
    "<": _ordered(lambda a, b: a < b),
    "<=": _ordered(lambda a, b: a <= b),
    ">": _ordered(lambda a, b: a > b),
    ">=": _ordered(lambda a, b: a >= b),
    "in": lambda a, b: [any(_equal(a, [each]) for each in b)] if a else [],
    "contains": lambda a, b: [any(_equal([each], b) for each in a)] if b else [],
    "|": _union,
    "+": _join,
    "&": lambda a, b: ["".join(str(each) for each in (*a, *b))],
}


def _applied(found: Evaluation, name: str, arguments: list[Evaluation]) -> Evaluation:
    """Call a function; those of a criterion take each item as `$this`."""
    if name in _OF_EACH and arguments:
        function = _OF_EACH[name]
        criterion = arguments[0]

        def evaluate(place: Place) -> Items:
            items = found(place)
            return function(items, [criterion(place._replace(this=item)) for item in items])

        return evaluate
    if name == "iif":
        return lambda place: _iif(found(place), arguments, place)
    plain = _FUNCTIONS[name]
    return lambda place: plain(found(place), [argument(place) for argument in arguments])


def _iif(items: Items, arguments: list[Evaluation], place: Place) -> Items:
    """Choose by a condition, which here may be about the items themselves."""
    about = place._replace(this=items[0] if items else None)
    chosen = 1 if _truth(arguments[0](about)) else 2
    return arguments[chosen](about) if chosen < len(arguments) else []


def _chosen(items: Items, results: list[Items]) -> Items:
    return [item for item, result in zip(items, results, strict=True) if _truth(result)]


_OF_EACH: dict[str, Callable[[Items, list[Items]], Items]] = {
    "where": _chosen,
    "exists": lambda items, results: [bool(_chosen(items, results))],
    "all": lambda _, results: [all(_truth(result) for result in results)],
    "select": lambda _, results: [each for result in results for each in result],
}


def _text(function: Callable[[str, str], bool]) -> Callable[[Items, list[Items]], Items]:
    def apply(items: Items, arguments: list[Items]) -> Items:
        if not items or not isinstance(items[0], str) or len(items[0]) > LONGEST_MATCHED:
            return []
        return [function(items[0], arguments[0][0])]

    return apply


def _descendants(items: Items) -> Iterator[Any]:
    for item in items:
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        for each in inner:
            if not isinstance(each, list):
                yield each
            yield from _descendants([each])


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


def _number(items: Items, _: list[Items]) -> Items:
    text = str(items[0]) if items else ""
    return [int(text)] if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) else []


_FUNCTIONS: dict[str, Callable[[Items, list[Items]], Items]] = {
    "exists": lambda items, _: [bool(items)],
    "empty": lambda items, _: [not items],
    "not": lambda items, _: _known(None if not items else not _truth(items)),
    "count": lambda items, _: [len(items)],
    "first": lambda items, _: items[:1],
    "tail": lambda items, _: items[1:],
    "isDistinct": lambda items, _: [len({*map(canonical, items)}) == len(items)],
    "hasValue": lambda items, _: [len(items) == 1 and not isinstance(items[0], dict)],
    "children": lambda items, _: [
        each
        for item in items
        if isinstance(item, dict)
        for value in item.values()
        for each in (value if isinstance(value, list) else [value])
    ],
    "descendants": lambda items, _: [*_descendants(items)],
    "combine": lambda items, arguments: [*items, *arguments[0]],
    "intersect": lambda items, arguments: [
        each for each in items if any(_equal([each], [other]) for other in arguments[0])
    ],
    "is": _is,
    "as": lambda items, arguments: [each for each in items if _is([each], arguments) == [True]],
    "ofType": lambda items, arguments: [each for each in items if _is([each], arguments) == [True]],
    "resolve": lambda _, __: [],
    "trace": lambda items, _: items,
    "toInteger": _number,
    "startsWith": _text(str.startswith),
    "contains": _text(lambda text, part: part in text),
    "matches": _text(lambda text, pattern: re.search(pattern, text) is not None),
    "replaceMatches": lambda items, arguments: [
        re.sub(arguments[0][0], arguments[1][0].replace("$", "\\"), each) for each in items
    ],
}
