"""Whether a resource matches a search criterion, as R4 defines it.

https://hl7.org/fhir/R4/search.html
"""

from collections.abc import Callable
from typing import Any

from shared.fhir import words
from shared.fhir.fhirjson import Resource
from shared.fhir.instants import Range
from shared.fhir.search_values import Quantity, Reference, Token, values
from shared.search.query.criterion import Criterion
from shared.search.query.operands import (
    ContainedOperand,
    QuantityOperand,
    ReferenceOperand,
    TokenOperand,
)


def matches(resource: Resource, criterion: Criterion) -> bool:
    """Return whether one of a resource's values matches one of the criterion's values.

    With `:not`, return whether none of them does; a resource without a value matches, too.
    """
    stored_values = values(resource, criterion.param, criterion.zone)
    if criterion.modifier == "missing":
        return criterion.operands[0] is not bool(stored_values)
    kind = criterion.param.type, criterion.modifier
    test, convert = _TESTS[kind], _CONVERTED.get(kind)
    # Converted once, because each is compared with all of the criterion's values.
    compared_values = [*map(convert, stored_values)] if convert else stored_values
    matched = any(
        test(value, operand) for operand in criterion.operands for value in compared_values
    )
    return matched is not (criterion.modifier == "not")


def _token(value: Token, operand: TokenOperand) -> bool:
    if operand.system is not None and operand.system != value.system:
        return False
    return bool(value.code) and operand.code in (None, value.code)


def _of_type(value: Token, operand: TokenOperand) -> bool:
    return value.code == operand.code and operand.identifier_type in value.identifier_types


def _reference(value: Reference, operand: ReferenceOperand | ContainedOperand) -> bool:
    if isinstance(operand, ContainedOperand):
        return value.is_contained
    if not operand.is_bare_id:
        return value.text == operand.text
    kind, _, identity = value.text.rpartition("/")
    return identity == operand.text and (
        kind in operand.types or (not operand.types and kind == value.type)
    )


def _is_within(value: Range, searched: Range) -> bool:
    return searched.low <= value.low and value.high <= searched.high


# Both the stored and the searched value are ranges. `ge` and `le` stand for the searched range and
# everything after or before it, and match what overlaps with that.
_DATES: dict[str, Callable[[Range, Range], bool]] = {
    "eq": _is_within,
    "ne": lambda value, searched: not _is_within(value, searched),
    "gt": lambda value, searched: value.high > searched.high,
    "lt": lambda value, searched: value.low < searched.low,
    "ge": lambda value, searched: value.high > searched.low,
    "le": lambda value, searched: value.low < searched.high,
    "sa": lambda value, searched: value.low >= searched.high,
    "eb": lambda value, searched: value.high <= searched.low,
    "ap": lambda value, searched: value.low < searched.high and searched.low < value.high,
}


# Only `eq`, `ne` and `ap` depend on the precision with which the searched number is written.
_NUMBERS: dict[str, Callable[[Quantity, QuantityOperand], bool]] = {
    "eq": lambda value, searched: searched.low <= value.value < searched.high,
    "ne": lambda value, searched: not searched.low <= value.value < searched.high,
    "gt": lambda value, searched: value.value > searched.number,
    "lt": lambda value, searched: value.value < searched.number,
    "ge": lambda value, searched: value.value >= searched.number,
    "le": lambda value, searched: value.value <= searched.number,
    "sa": lambda value, searched: value.value > searched.number,
    "eb": lambda value, searched: value.value < searched.number,
    "ap": lambda value, searched: searched.low <= value.value <= searched.high,
}


def _quantity(value: Quantity, operand: QuantityOperand) -> bool:
    if operand.system is not None and operand.system != value.system:
        return False
    if operand.code is not None:
        names = {value.code} if operand.system else {value.code, value.unit}
        if operand.code not in names:
            return False
    return _NUMBERS[operand.prefix](value, operand)


def _is_below(value: str, searched: str) -> bool:
    return value == searched or value.startswith(searched.rstrip("/") + "/")


_TESTS: dict[tuple[str, str], Callable[[Any, Any], bool]] = {
    ("token", ""): _token,
    ("token", "not"): _token,
    ("token", "text"): str.startswith,
    ("token", "of-type"): _of_type,
    ("reference", ""): _reference,
    ("reference", "identifier"): lambda value, operand: (
        value.identifier is not None and _token(value.identifier, operand)
    ),
    ("date", ""): lambda value, operand: _DATES[operand.prefix](value, operand.range),
    ("quantity", ""): _quantity,
    ("uri", ""): lambda value, searched: value == searched,
    ("uri", "below"): _is_below,
    ("string", ""): lambda value, searched: f" {searched}" in value,
    ("string", "exact"): lambda value, searched: value == searched,
    ("string", "contains"): lambda value, searched: searched in value,
}
# How a stored value is converted before it is compared, where it is not compared as it is.
_CONVERTED: dict[tuple[str, str], Callable[[Any], str]] = {
    ("token", "text"): lambda value: words.fold(value.text),
    ("string", ""): words.with_leading_space,
    ("string", "contains"): words.normalize,
}
