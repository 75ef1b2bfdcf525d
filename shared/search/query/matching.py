"""Whether a resource matches a criterion, exactly as R4 says.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable
from typing import Any

from shared.fhir import words
from shared.fhir.instants import Range
from shared.fhir.search_values import Quantity, Reference, Token, values
from shared.search.query.criterion import Criterion
from shared.search.query.operands import (
    ContainedOperand,
    DateOperand,
    QuantityOperand,
    ReferenceOperand,
    TokenOperand,
)

type Resource = dict[str, Any]


def matches(resource: Resource, criterion: Criterion) -> bool:
    """Tell whether one of a resource's values matches one of those asked for.

    `:not` is true of a resource none of whose values does, be it that it has none.
    """
    found = values(resource, criterion.param, criterion.zone)
    if criterion.modifier == "missing":
        return criterion.operands[0] is not bool(found)
    kind = criterion.param.type, criterion.modifier
    test, compared = _TESTS[kind], _COMPARED.get(kind)
    # Once, however many values are asked for.
    shown = [*map(compared, found)] if compared else found
    matched = any(test(value, operand) for operand in criterion.operands for value in shown)
    return matched is not (criterion.modifier == "not")


def _token(value: Token, operand: TokenOperand) -> bool:
    if operand.system is not None and operand.system != value.system:
        return False
    return bool(value.code) and operand.code in (None, value.code)


def _folded_text(value: Token) -> str:
    return words.folded(value.text)


def _of_type(value: Token, operand: TokenOperand) -> bool:
    return value.code == operand.code and operand.kind in value.kinds


def _reference(value: Reference, operand: ReferenceOperand | ContainedOperand) -> bool:
    if isinstance(operand, ContainedOperand):
        return value.is_contained
    if not operand.bare:
        return value.text == operand.text
    kind, _, identity = value.text.rpartition("/")
    return identity == operand.text and (
        kind in operand.types or (not operand.types and kind == value.type)
    )


def _identifier(value: Reference, operand: TokenOperand) -> bool:
    return value.identifier is not None and _token(value.identifier, operand)


def _within(value: Range, asked: Range) -> bool:
    return asked.low <= value.low and value.high <= asked.high


# A search value is a range, and so is what is compared with it. `ge` and `le` mean the value and
# up, the value and down: what overlaps with either.
_DATES: dict[str, Callable[[Range, Range], bool]] = {
    "eq": _within,
    "ne": lambda value, asked: not _within(value, asked),
    "gt": lambda value, asked: value.high > asked.high,
    "lt": lambda value, asked: value.low < asked.low,
    "ge": lambda value, asked: value.high > asked.low,
    "le": lambda value, asked: value.low < asked.high,
    "sa": lambda value, asked: value.low >= asked.high,
    "eb": lambda value, asked: value.high <= asked.low,
    "ap": lambda value, asked: value.low < asked.high and asked.low < value.high,
}


def _date(value: Range, operand: DateOperand) -> bool:
    return _DATES[operand.prefix](value, operand.range)


# Only `eq`, `ne` and `ap` look at the precision with which a number is written.
_NUMBERS: dict[str, Callable[[Quantity, QuantityOperand], bool]] = {
    "eq": lambda value, asked: asked.low <= value.value < asked.high,
    "ne": lambda value, asked: not asked.low <= value.value < asked.high,
    "gt": lambda value, asked: value.value > asked.number,
    "lt": lambda value, asked: value.value < asked.number,
    "ge": lambda value, asked: value.value >= asked.number,
    "le": lambda value, asked: value.value <= asked.number,
    "sa": lambda value, asked: value.value > asked.number,
    "eb": lambda value, asked: value.value < asked.number,
    "ap": lambda value, asked: asked.low <= value.value <= asked.high,
}


def _quantity(value: Quantity, operand: QuantityOperand) -> bool:
    if operand.system is not None and operand.system != value.system:
        return False
    if operand.code is not None:
        names = {value.code} if operand.system else {value.code, value.unit}
        if operand.code not in names:
            return False
    return _NUMBERS[operand.prefix](value, operand)


def _below(value: str, asked: str) -> bool:
    return value == asked or value.startswith(asked.rstrip("/") + "/")


_TESTS: dict[tuple[str, str], Callable[[Any, Any], bool]] = {
    ("token", ""): _token,
    ("token", "not"): _token,
    ("token", "text"): str.startswith,
    ("token", "of-type"): _of_type,
    ("reference", ""): _reference,
    ("reference", "identifier"): _identifier,
    ("date", ""): _date,
    ("quantity", ""): _quantity,
    ("uri", ""): lambda value, asked: value == asked,
    ("uri", "below"): _below,
    ("string", ""): lambda value, asked: f" {asked}" in value,
    ("string", "exact"): lambda value, asked: value == asked,
    ("string", "contains"): lambda value, asked: asked in value,
}
# As what a value is compared, where that is not the value itself.
_COMPARED: dict[tuple[str, str], Callable[[Any], str]] = {
    ("token", "text"): _folded_text,
    ("string", ""): words.spaced,
    ("string", "contains"): words.normal,
}
