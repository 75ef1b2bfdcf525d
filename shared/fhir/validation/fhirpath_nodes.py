"""The nodes of parsed FHIRPath expressions, as functions of the place where they are evaluated.

Each node knows the type of its items where it can. JSON names a choice (`value[x]`) after one of
its types, and the type tells which properties are meant, rather than any name that begins alike.
http://hl7.org/fhirpath/N1/
"""

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any, NamedTuple

from shared.catalog.code_systems import UCUM
from shared.fhir.validation.fhirpath_budget import StepBudget
from shared.fhir.validation.fhirpath_functions import (
    FUNCTIONS,
    LOGIC,
    OF_EACH,
    OPERATORS,
    ORDER,
    HashedCollection,
    Items,
    truth,
)
from shared.fhir.validation.schema import Type, type_named

# Functions that return items of the type that they are called on.
_SAME_TYPE = frozenset({"where", "first", "tail", "trace"})


class EvaluationContext(NamedTuple):
    """Where an expression is evaluated: `$this`, `%context`, `%resource` and the time zone.

    `cache` has results that do not depend on `$this`. `budget` counts the items visited.
    """

    this: Any
    context: Any
    resource: Any
    zone: tzinfo
    cache: dict[Any, Any]
    budget: StepBudget


type Evaluation = Callable[[EvaluationContext], Items]


class Node(NamedTuple):
    """A part of an expression: how to evaluate it, and the type of its items if known.

    The result of a node that `is_cacheable` does not depend on `$this`.
    """

    evaluate: Evaluation
    kind: Type | None = None
    is_cacheable: bool = False


def this(kind: Type | None) -> Node:
    """Return the node of `$this`, whose type is given if known."""
    return Node(lambda place: [] if place.this is None else [place.this], kind)


def literal(value: Any) -> Node:
    """Return the node of a literal value."""
    return Node(lambda _: [value], is_cacheable=True)


NAMED = {
    "true": literal(value=True),
    "false": literal(value=False),
    "%resource": Node(lambda place: [place.resource], is_cacheable=True),
    "%context": Node(lambda place: [place.context], is_cacheable=True),
    "%ucum": literal(UCUM),
}


def cached(node: Node) -> Node:
    """Return a node that is evaluated only once, for however many items it is needed."""
    key = object()

    def evaluate(place: EvaluationContext) -> Items:
        if key not in place.cache:
            place.cache[key] = HashedCollection(node.evaluate(place))
        items: Items = place.cache[key]
        return items

    return node._replace(evaluate=evaluate)


def _properties(kind: Type | None, name: str) -> tuple[str, ...]:
    """Return the JSON properties of an element: for a choice, one for each of its types."""
    elements = kind.elements if kind else {}
    choices = (key for key, element in elements.items() if element.choice == name)
    return tuple(choices) or (name,)


def _children(item: Any, properties: tuple[str, ...]) -> Iterator[Any]:
    if not isinstance(item, dict):
        return
    for name in properties:
        # A primitive may have extensions without a value: it is an element, too.
        value = item[name] if name in item else item.get(f"_{name}")
        if isinstance(value, list):
            yield from value
        elif value is not None:
            yield value


def member(node: Node, name: str) -> Node:
    """Return the node of a path step: the elements of a name in the items of another node."""
    properties = _properties(node.kind, name)
    element = node.kind.elements.get(name) if node.kind else None
    is_complex = element is not None and not element.primitive and element.type != "Resource"

    def evaluate(place: EvaluationContext) -> Items:
        items = node.evaluate(place)
        children = [child for item in items for child in _children(item, properties)]
        place.budget.spend(1 + len(items) + len(children))
        return children

    kind = type_named(element.type) if element and is_complex else None
    return Node(evaluate, kind, node.is_cacheable)


def operation(name: str, left: Node, right: Node) -> Node:
    """Return the node of an operator between two nodes."""
    first, second = left.evaluate, right.evaluate

    def evaluate(place: EvaluationContext) -> Items:
        if name in LOGIC:
            return LOGIC[name](truth(first(place)), truth(second(place)))
        if name in ORDER:
            return ORDER[name](first(place), second(place), place.zone)
        return OPERATORS[name](first(place), second(place))

    return Node(evaluate, is_cacheable=left.is_cacheable and right.is_cacheable)


def call(node: Node, name: str, arguments: list[Node]) -> Node:
    """Return the node of a function call.

    Functions with a criterion evaluate their argument once for each item, as `$this`.
    """
    receiver = node.evaluate
    evaluations = [argument.evaluate for argument in arguments]
    kind = node.kind if name in _SAME_TYPE else None
    if name in OF_EACH and evaluations:
        function = OF_EACH[name]

        def evaluate(place: EvaluationContext) -> Items:
            items = receiver(place)
            place.budget.spend(1 + len(items))
            return function(items, [evaluations[0](place._replace(this=item)) for item in items])

        kind = arguments[0].kind if name == "select" else kind
        return Node(evaluate, kind, node.is_cacheable)
    if name == "iif":
        return Node(
            lambda place: _iif(receiver(place), evaluations, place), None, node.is_cacheable
        )
    if name == "resolve":
        return Node(lambda place: [*_resolved(receiver(place), place)], None, node.is_cacheable)
    plain = FUNCTIONS[name]
    is_cacheable = node.is_cacheable and all(argument.is_cacheable for argument in arguments)

    def apply(place: EvaluationContext) -> Items:
        result = plain(receiver(place), [argument(place) for argument in evaluations])
        place.budget.spend(1 + len(result))
        return result

    return Node(apply, kind, is_cacheable)


def _iif(items: Items, arguments: list[Evaluation], place: EvaluationContext) -> Items:
    """Evaluate the argument that a condition chooses; `$this` is the first of the items."""
    inner = place._replace(this=items[0] if items else None)
    chosen = 1 if truth(arguments[0](inner)) else 2
    return arguments[chosen](inner) if chosen < len(arguments) else []


def _resolved(items: Items, place: EvaluationContext) -> Iterator[Any]:
    """Yield the resources that references name within the outermost one. Others are not read."""
    for item in items:
        text = item.get("reference") if isinstance(item, dict) else item
        if isinstance(text, str) and text in place.budget.targets:
            yield place.budget.targets[text]
