"""Reading FHIRPath: an expression becomes a function of the place where it is evaluated.

The type of what a path leads to is worked out on the way, since JSON has a choice (`value[x]`)
under the name of one of its types, and no other name that merely begins so is meant.
http://hl7.org/fhirpath/N1/
"""

import re
from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any, NamedTuple

from shared.resources.fhirpath_functions import (
    FUNCTIONS,
    LOGIC,
    OF_EACH,
    OPERATORS,
    ORDER,
    Items,
    Lasting,
    truth,
)
from shared.resources.invariants import UCUM
from shared.resources.schema import Type, type_named

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
# What these return is of the type of what they are called on.
_SAME_TYPE = frozenset({"where", "first", "tail", "trace"})
_OF_TYPES = frozenset({"is", "as", "ofType"})


class Place(NamedTuple):
    """Where an expression is evaluated: `$this`, the element it is about, its resource, and so on.

    `outer` is the resource around a contained one, `lasting` holds what does not depend on `$this`.
    """

    this: Any
    context: Any
    resource: Any
    outer: Any
    zone: tzinfo
    lasting: dict[Any, Any]


type Evaluation = Callable[[Place], Items]


class Node(NamedTuple):
    """A part of an expression: its function, the type of its items, and whether `$this` matters."""

    evaluate: Evaluation
    kind: Type | None = None
    is_lasting: bool = False


class Parser:
    """Reads tokens from left to right."""

    def __init__(self, expression: str, kind: Type | None) -> None:
        """Begin an expression about elements of a type."""
        self._expression, self._kind = expression, kind
        self._tokens: list[str] = []
        end = 0
        while match := _TOKEN.match(expression, end):
            self._tokens.append(match[0].strip())
            end = match.end()
        if expression[end:].strip():
            raise ValueError(f"{expression[end:]} in {expression}")
        self._at = 0

    def whole(self) -> Node:
        """Read the expression to its end."""
        node = self._operation(0)
        if self._peek():
            raise ValueError(f"{self._peek()} in {self._expression}")
        return node

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token != expected):
            raise ValueError(f"{token} where {expected} is expected")
        self._at += 1
        return token

    def _operation(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._path()
        left = self._operation(level + 1)
        while self._peek() in _LEVELS[level]:
            name = self._take()
            if name in _OF_TYPES:
                left = _applied(left, name, [_literal(self._take())])
            else:
                left = _operated(name, left, self._operation(level + 1))
        return left

    def _path(self) -> Node:
        begin = self._at
        node = self._term()
        while self._peek() == ".":
            self._take(".")
            name = self._take()
            node = self._call(node, name) if self._peek() == "(" else _member(node, name)
        is_literal = self._at == begin + 1
        return _remembered(node) if node.is_lasting and not is_literal else node

    def _term(self) -> Node:
        if self._peek() == "(":
            self._take()
            inner = self._operation(0)
            self._take(")")
            return inner
        first = self._take()
        this = Node(lambda place: [] if place.this is None else [place.this], self._kind)
        if first[0] == "'":
            return _literal(re.sub(r"\\(.)", r"\1", first[1:-1]))
        if first.isdecimal():
            return _literal(int(first))
        if first in _NAMED:
            return _NAMED[first]
        if first == "$this":
            return this
        if self._peek() == "(":
            return self._call(this, first)
        # A path may begin with the type of what it is about: `Appointment.status`.
        return this if self._kind and first == self._kind.name else _member(this, first)

    def _call(self, node: Node, name: str) -> Node:
        """Read the arguments of a function; criteria are about the items that it is called on."""
        self._take("(")
        outside = self._kind
        if name in OF_EACH or name == "iif":
            self._kind = node.kind
        arguments: list[Node] = []
        while self._peek() != ")":
            arguments.append(
                _literal(self._take()) if name in _OF_TYPES else self._operation(0)
            )
            if self._peek() == ",":
                self._take(",")
        self._take(")")
        self._kind = outside
        return _applied(node, name, arguments)


def _literal(value: Any) -> Node:
    return Node(lambda _: [value], is_lasting=True)


_NAMED = {
    "true": _literal(True),
    "false": _literal(False),
    "%resource": Node(lambda place: [place.resource], is_lasting=True),
    "%context": Node(lambda place: [place.context], is_lasting=True),
    "%ucum": _literal(UCUM),
}


def _remembered(node: Node) -> Node:
    """Return a part that is evaluated once, however many items it is asked about."""
    key = object()

    def evaluate(place: Place) -> Items:
        if key not in place.lasting:
            place.lasting[key] = Lasting(node.evaluate(place))
        items: Items = place.lasting[key]
        return items

    return node._replace(evaluate=evaluate)


def _properties(kind: Type | None, name: str) -> tuple[str, ...]:
    """Return the JSON properties of an element: one for each type, where it is a choice."""
    elements = kind.elements if kind else {}
    return tuple(each for each, of in elements.items() if of.choice == name) or (name,)


def _children(item: Any, properties: tuple[str, ...]) -> Iterator[Any]:
    if not isinstance(item, dict):
        return
    for name in properties:
        # Extensions alone are an element, too.
        value = item[name] if name in item else item.get(f"_{name}")
        if isinstance(value, list):
            yield from value
        elif value is not None:
            yield value


def _member(node: Node, name: str) -> Node:
    properties = _properties(node.kind, name)
    element = node.kind.elements.get(name) if node.kind else None
    is_complex = element is not None and not element.primitive and element.type != "Resource"

    def evaluate(place: Place) -> Items:
        return [each for item in node.evaluate(place) for each in _children(item, properties)]

    kind = type_named(element.type) if element and is_complex else None
    return Node(evaluate, kind, node.is_lasting)


def _operated(name: str, left: Node, right: Node) -> Node:
    is_lasting = left.is_lasting and right.is_lasting
    first, second = left.evaluate, right.evaluate
    if name in LOGIC:
        logic = LOGIC[name]
        return Node(
            lambda place: logic(truth(first(place)), truth(second(place))), None, is_lasting
        )
    if name in ORDER:
        order = ORDER[name]
        return Node(
            lambda place: order(first(place), second(place), place.zone), None, is_lasting
        )
    operator = OPERATORS[name]
    return Node(lambda place: operator(first(place), second(place)), None, is_lasting)


def _applied(node: Node, name: str, arguments: list[Node]) -> Node:
    """Call a function; those of a criterion take each item as `$this`."""
    found = node.evaluate
    given = [argument.evaluate for argument in arguments]
    kind = node.kind if name in _SAME_TYPE else None
    if name in OF_EACH and given:
        function = OF_EACH[name]

        def evaluate(place: Place) -> Items:
            items = found(place)
            return function(items, [given[0](place._replace(this=item)) for item in items])

        kind = arguments[0].kind if name == "select" else kind
        return Node(evaluate, kind, node.is_lasting)
    if name == "iif":
        return Node(lambda place: _iif(found(place), given, place), None, node.is_lasting)
    if name == "resolve":
        return Node(lambda place: [*_resolved(found(place), place)], None, node.is_lasting)
    plain = FUNCTIONS[name]
    is_lasting = node.is_lasting and all(argument.is_lasting for argument in arguments)
    return Node(
        lambda place: plain(found(place), [argument(place) for argument in given]),
        kind,
        is_lasting,
    )


def _iif(items: Items, arguments: list[Evaluation], place: Place) -> Items:
    """Choose by a condition, which here may be about the items themselves."""
    about = place._replace(this=items[0] if items else None)
    chosen = 1 if truth(arguments[0](about)) else 2
    return arguments[chosen](about) if chosen < len(arguments) else []


def _resolved(items: Items, place: Place) -> Iterator[Any]:
    """Yield the resources that references name within the outer one; others are not looked up."""
    if _resolved not in place.lasting:
        contained = place.outer.get("contained") if isinstance(place.outer, dict) else None
        inner = contained if isinstance(contained, list) else []
        named = {each.get("id"): each for each in inner if isinstance(each, dict)}
        place.lasting[_resolved] = {
            f"#{own_id}": each for own_id, each in named.items() if isinstance(own_id, str)
        } | {"#": place.outer}
    for item in items:
        text = item.get("reference") if isinstance(item, dict) else item
        if isinstance(text, str) and text in place.lasting[_resolved]:
            yield place.lasting[_resolved][text]
