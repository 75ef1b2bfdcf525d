"""As much of FHIRPath as R4's invariants are written in.

Values are JSON, collections are lists. http://hl7.org/fhirpath/N1/
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from shared.resources.fhirpath_functions import FUNCTIONS, LOGIC, OF_EACH, OPERATORS, Items, truth
from shared.resources.invariants import UCUM

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
    if name in LOGIC:
        logic = LOGIC[name]
        return lambda place: logic(truth(left(place)), truth(right(place)))
    operator = OPERATORS[name]
    return lambda place: operator(left(place), right(place))


def _applied(found: Evaluation, name: str, arguments: list[Evaluation]) -> Evaluation:
    """Call a function; those of a criterion take each item as `$this`."""
    if name in OF_EACH and arguments:
        function = OF_EACH[name]
        criterion = arguments[0]

        def evaluate(place: Place) -> Items:
            items = found(place)
            return function(items, [criterion(place._replace(this=item)) for item in items])

        return evaluate
    if name == "iif":
        return lambda place: _iif(found(place), arguments, place)
    plain = FUNCTIONS[name]
    return lambda place: plain(found(place), [argument(place) for argument in arguments])


def _iif(items: Items, arguments: list[Evaluation], place: Place) -> Items:
    """Choose by a condition, which here may be about the items themselves."""
    about = place._replace(this=items[0] if items else None)
    chosen = 1 if truth(arguments[0](about)) else 2
    return arguments[chosen](about) if chosen < len(arguments) else []
