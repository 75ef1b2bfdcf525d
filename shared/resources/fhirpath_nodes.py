"""The parts of FHIRPath expressions, as functions of the place where they are evaluated.

The type of what a path leads to is worked out on the way, since JSON has a choice (`value[x]`)
under the name of one of its types, and no other name that merely begins so is meant.
http://hl7.org/fhirpath/N1/
"""

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
from shared.resources.fhirpath_work import Work
from shared.resources.invariants import UCUM
from shared.resources.schema import Type, type_named

# What these return is of the type of what they are called on.
_SAME_TYPE = frozenset({"where", "first", "tail", "trace"})


class Place(NamedTuple):
    """Where an expression is evaluated: `$this`, the element it is about, its resource, and so on.

    `lasting` holds what does not depend on `$this`; `work` counts the items that are gone through.
    """

    this: Any
    context: Any
    resource: Any
    zone: tzinfo
    lasting: dict[Any, Any]
    work: Work


type Evaluation = Callable[[Place], Items]


class Node(NamedTuple):
    """A part of an expression: its function, the type of its items, and whether `$this` matters."""

    evaluate: Evaluation
    kind: Type | None = None
    is_lasting: bool = False


def this(kind: Type | None) -> Node:
    """Return `$this`, of a type where it is known."""
    return Node(lambda place: [] if place.this is None else [place.this], kind)


def literal(value: Any) -> Node:
    """Return a value that an expression names."""
    return Node(lambda _: [value], is_lasting=True)


NAMED = {
    "true": literal(value=True),
    "false": literal(value=False),
    "%resource": Node(lambda place: [place.resource], is_lasting=True),
    "%context": Node(lambda place: [place.context], is_lasting=True),
    "%ucum": literal(UCUM),
}


def remembered(node: Node) -> Node:
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


def member(node: Node, name: str) -> Node:
    """Return the elements of a name in what another part returns."""
    properties = _properties(node.kind, name)
    element = node.kind.elements.get(name) if node.kind else None
    is_complex = element is not None and not element.primitive and element.type != "Resource"

    def evaluate(place: Place) -> Items:
        items = node.evaluate(place)
        children = [each for item in items for each in _children(item, properties)]
        place.work.spend(1 + len(items) + len(children))
        return children

    kind = type_named(element.type) if element and is_complex else None
    return Node(evaluate, kind, node.is_lasting)


def operated(name: str, left: Node, right: Node) -> Node:
    """Return an operator between two parts."""
    is_lasting = left.is_lasting and right.is_lasting
    first, second = left.evaluate, right.evaluate
    if name in LOGIC:
        logic = LOGIC[name]
        return Node(
            lambda place: logic(truth(first(place)), truth(second(place))), None, is_lasting
        )
    if name in ORDER:
        order = ORDER[name]
        return Node(lambda place: order(first(place), second(place), place.zone), None, is_lasting)
    operator = OPERATORS[name]
    return Node(lambda place: operator(first(place), second(place)), None, is_lasting)


def applied(node: Node, name: str, arguments: list[Node]) -> Node:
    """Return the call of a function; those of a criterion take each item as `$this`."""
    found = node.evaluate
    given = [argument.evaluate for argument in arguments]
    kind = node.kind if name in _SAME_TYPE else None
    if name in OF_EACH and given:
        function = OF_EACH[name]

        def evaluate(place: Place) -> Items:
            items = found(place)
            place.work.spend(1 + len(items))
            return function(items, [given[0](place._replace(this=item)) for item in items])

        kind = arguments[0].kind if name == "select" else kind
        return Node(evaluate, kind, node.is_lasting)
    if name == "iif":
        return Node(lambda place: _iif(found(place), given, place), None, node.is_lasting)
    if name == "resolve":
        return Node(lambda place: [*_resolved(found(place), place)], None, node.is_lasting)
    plain = FUNCTIONS[name]
    is_lasting = node.is_lasting and all(argument.is_lasting for argument in arguments)

    def apply(place: Place) -> Items:
        result = plain(found(place), [argument(place) for argument in given])
        place.work.spend(1 + len(result))
        return result

    return Node(apply, kind, is_lasting)


def _iif(items: Items, arguments: list[Evaluation], place: Place) -> Items:
    """Choose by a condition, which here may be about the items themselves."""
    about = place._replace(this=items[0] if items else None)
    chosen = 1 if truth(arguments[0](about)) else 2
    return arguments[chosen](about) if chosen < len(arguments) else []


def _resolved(items: Items, place: Place) -> Iterator[Any]:
    """Yield the resources that references name within the outer one; others are not looked up."""
    for item in items:
        text = item.get("reference") if isinstance(item, dict) else item
        if isinstance(text, str) and text in place.work.targets:
            yield place.work.targets[text]
