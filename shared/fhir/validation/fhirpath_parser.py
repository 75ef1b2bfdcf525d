"""The parser of FHIRPath expressions, for the part of the language that R4's invariants use.

http://hl7.org/fhirpath/N1/#grammar
"""

import re

from shared.fhir.validation import fhirpath_nodes as nodes
from shared.fhir.validation.fhirpath_functions import OF_EACH
from shared.fhir.validation.fhirpath_nodes import Node
from shared.fhir.validation.schema import Type

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<number>\d+)|(?P<name>[$%]?[A-Za-z_]\w*)"
    r"|(?P<sign><=|>=|!=|[-+&|.,()<>=\[\]]))"
)
# The operators by precedence: the first level binds least.
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
_OF_TYPES = frozenset({"is", "as", "ofType"})


class Parser:
    """A recursive descent parser, which reads tokens from left to right."""

    def __init__(self, expression: str, kind: Type | None) -> None:
        """Split an expression about elements of a type into tokens. Raises ValueError."""
        self._expression, self._kind = expression, kind
        self._tokens: list[str] = []
        end = 0
        while match := _TOKEN.match(expression, end):
            self._tokens.append(match[0].strip())
            end = match.end()
        if expression[end:].strip():
            raise ValueError(f"unexpected {expression[end:]} in {expression}")
        self._position = 0

    def parse(self) -> Node:
        """Parse the whole expression. Raises ValueError, and KeyError for an unknown function."""
        node = self._operation(0)
        if self._peek():
            raise ValueError(f"unexpected {self._peek()} in {self._expression}")
        return node

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token != expected):
            raise ValueError(f"{token} instead of {expected}")
        self._position += 1
        return token

    def _operation(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._path()
        left = self._operation(level + 1)
        while self._peek() in _LEVELS[level]:
            name = self._take()
            if name in _OF_TYPES:
                left = nodes.call(left, name, [nodes.literal(self._take())])
            else:
                left = nodes.operation(name, left, self._operation(level + 1))
        return left

    def _path(self) -> Node:
        start = self._position
        node = self._term()
        while self._peek() == ".":
            self._take(".")
            name = self._take()
            node = self._call(node, name) if self._peek() == "(" else nodes.member(node, name)
        is_one_token = self._position == start + 1
        return nodes.cached(node) if node.is_cacheable and not is_one_token else node

    def _term(self) -> Node:
        if self._peek() == "(":
            self._take()
            inner = self._operation(0)
            self._take(")")
            return inner
        first = self._take()
        if first[0] == "'":
            return nodes.literal(re.sub(r"\\(.)", r"\1", first[1:-1]))
        if first.isdecimal():
            return nodes.literal(int(first))
        return nodes.NAMED[first] if first in nodes.NAMED else self._of_this(first)

    def _of_this(self, first: str) -> Node:
        """Parse a path that starts at `$this`, or at its type's name: `Appointment.status`."""
        this = nodes.this(self._kind)
        if self._peek() == "(":
            return self._call(this, first)
        is_named = first == "$this" or (self._kind and first == self._kind.name)
        return this if is_named else nodes.member(this, first)

    def _call(self, node: Node, name: str) -> Node:
        """Parse a function call. A criterion is about the items that the function is called on."""
        self._take("(")
        outer_kind = self._kind
        if name in OF_EACH or name == "iif":
            self._kind = node.kind
        arguments: list[Node] = []
        while self._peek() != ")":
            arguments.append(
                nodes.literal(self._take()) if name in _OF_TYPES else self._operation(0)
            )
            if self._peek() == ",":
                self._take(",")
        self._take(")")
        self._kind = outer_kind
        return nodes.call(node, name, arguments)
