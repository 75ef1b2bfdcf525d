"""Parsing of the values of a search parameter into operands, by the parameter's type.

https://hl7.org/fhir/R4/search.html#ptypes
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Context, Decimal
from typing import NamedTuple

from shared.catalog.code_systems import UCUM
from shared.catalog.parameters import SearchParam
from shared.errors import Invalid, TooCostly
from shared.fhir import instants, references, words
from shared.fhir.instants import Range
from shared.fhir.search_values import CONTACT_POINT, normalize_contact, parse_reference


class TokenOperand(NamedTuple):
    """A searched token: None is any system or code; an empty system is that of values without one.

    `identifier_type` is the system and code of an identifier's type, for `:of-type`.
    """

    system: str | None
    code: str | None
    identifier_type: tuple[str, str] | None = None


class ReferenceOperand(NamedTuple):
    """A searched reference, written as in the index.

    With `is_bare_id` it is an id without a type; `types` are those that it may have, any if empty.
    """

    text: str
    type: str = ""
    is_bare_id: bool = False
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainedOperand:
    """Matches a reference to any contained resource, at which the chain then looks itself."""


class DateOperand(NamedTuple):
    """A prefix and the range to compare with, which is already widened for `ap`."""

    prefix: str
    range: Range


class QuantityOperand(NamedTuple):
    """A prefix, a number, the range that its digits stand for, and its unit if one is given."""

    prefix: str
    number: Decimal
    low: Decimal
    high: Decimal
    system: str | None
    code: str | None


type Operand = (
    bool | TokenOperand | ReferenceOperand | ContainedOperand | DateOperand | QuantityOperand | str
)

# The modifiers of each type beside `:missing`; a reference also takes the name of a target type.
MODIFIERS: dict[str, tuple[str, ...]] = {
    "token": ("not",),
    "reference": ("identifier",),
    "date": (),
    "quantity": (),
    "string": ("exact", "contains"),
    "uri": ("below",),
}
# Further modifiers of tokens by the data type of the element: a plain code has no display text.
_MODIFIERS_OF_ELEMENT: dict[str, tuple[str, ...]] = {
    "Coding": ("text",),
    "CodeableConcept": ("text",),
    "Identifier": ("text", "of-type"),
}
_COMPARED = re.compile(r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<value>[^a-z].*)", re.DOTALL)
_ESCAPED, _TO_ESCAPE = re.compile(r"\\([\\,|$])"), re.compile(r"[\\,|$]")
# Commas separate values and bars the parts of one, unless a backslash precedes them.
_VALUE = re.compile(r"(?:[^\\,]|\\.?)+", re.DOTALL)
_PART = re.compile(r"\|((?:[^\\|]|\\.?)*)", re.DOTALL)
# Each value is compared with every row that is read. The length is in bytes of UTF-8, as in
# DynamoDB's keys, which values become.
MOST_VALUES, LONGEST_VALUE = 1000, 1024
# `ap` accepts a tenth of a number, and of a date's distance to now.
_APPROXIMATELY = 10


def parse(param: SearchParam, modifier: str, value: str, zone: tzinfo) -> tuple[Operand, ...]:
    """Parse the values of a parameter, of which one must match.

    Raises Invalid, naming the parameter, and TooCostly if a value is too long.
    """
    name = f"{param.code}:{modifier}" if modifier else param.code
    _check_modifier(param, modifier, name)
    if modifier == "missing":
        if value not in ("true", "false"):
            raise Invalid(f"{name}={value} must be true or false", expression=name)
        return (value == "true",)
    texts = split_values(value)
    if not texts:
        raise Invalid(f"{name} needs a value", expression=name)
    if any(len(text.encode(errors="replace")) > LONGEST_VALUE for text in texts):
        raise TooCostly(
            f"A value of {name} may have at most {LONGEST_VALUE} bytes", expression=name
        )
    parser = _PARSERS_OF_MODIFIER.get(modifier) or _PARSERS[param.type]
    try:
        return tuple(parser(text, param, modifier, zone) for text in texts)
    except (ValueError, ArithmeticError):
        expected = _EXPECTED.get(modifier) or _EXPECTED[param.type]
        raise Invalid(f"{name}={value} is not {expected}", expression=name) from None


def split_values(value: str) -> list[str]:
    """Split a value at its commas; the parts keep their escapes, and empty ones are left out."""
    return _VALUE.findall(value)


def escaped(text: str) -> str:
    """Return a text as a value of a query: of no part but itself."""
    return _TO_ESCAPE.sub(r"\\\g<0>", text)


# By modifier if it has a form of its own, else by type. Every text is a valid uri.
_EXPECTED = {
    "identifier": "an identifier's value, system|value, |value or system|",
    "of-type": "system|code|value: an identifier's type and value",
    "date": "a date such as 2025-03, ge2025-03-01 or lt2025-03-01T10:00:00Z",
    "quantity": f"a number such as 10, gt10 or lt1.5|{UCUM}|min",
    "reference": "an id, Type/id or a URL",
    "string": "a text with a letter or digit",
    "token": "a code, system|code, |code or system|",
}


def _check_modifier(param: SearchParam, modifier: str, name: str) -> None:
    of_element = _MODIFIERS_OF_ELEMENT.get(param.element, ())
    supported = ("missing", *MODIFIERS[param.type], *of_element) if param.expression else ()
    if modifier in ("", *supported) or _is_target(param, modifier):
        return
    targets = param.targets if param.type == "reference" else ()
    offered = [f":{code}" for code in (*supported, *targets)]
    raise Invalid(
        f"{param.code} does not support :{modifier}; supported: {', '.join(offered) or 'none'}",
        expression=name,
    )


def _is_target(param: SearchParam, resource_type: str) -> bool:
    """Return whether references of a parameter may be to resources of this type."""
    if param.type != "reference" or not resource_type[:1].isupper():
        return False
    if param.targets:
        return resource_type in param.targets
    from shared.fhir.validation.schema import resource_types  # noqa: PLC0415 - few parameters refer to any type

    return resource_type in resource_types()


def _parts(text: str) -> list[str]:
    """Split a value at its bars, and remove the escapes of the parts."""
    return [_unescaped(part) for part in _PART.findall(f"|{text}")]


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _token(text: str, param: SearchParam, _modifier: str, _zone: tzinfo) -> TokenOperand:
    parts = _parts(text)
    if param.element == CONTACT_POINT:
        parts[-1] = normalize_contact(parts[-1], param)
    if len(parts) == 1:
        return TokenOperand(None, parts[0])
    system, code = parts[0], "|".join(parts[1:])
    if not system and not code:
        raise ValueError
    return TokenOperand(system, code or None)


def _of_type(text: str, _param: SearchParam, _modifier: str, _zone: tzinfo) -> TokenOperand:
    system, code, value = _parts(text)
    return TokenOperand(None, value, (system, code))


def _reference(text: str, param: SearchParam, modifier: str, _zone: tzinfo) -> ReferenceOperand:
    text = _unescaped(text)
    if modifier:
        identity = text.removeprefix(f"{modifier}/")
        if not references.is_id(identity, modifier):
            raise ValueError
        text = f"{modifier}/{identity}"
    if references.is_bare_id(text, param.targets):
        return ReferenceOperand(text, is_bare_id=True, types=param.targets)
    reference = parse_reference(text)
    return ReferenceOperand(reference.text, reference.type)


def _date(text: str, _param: SearchParam, _modifier: str, zone: tzinfo) -> DateOperand:
    match = _COMPARED.fullmatch(_unescaped(text))
    if match is None:
        raise ValueError
    prefix, searched = match["prefix"] or "eq", instants.parse(match["value"], zone)
    if prefix == "ap":
        now = instants.to_nanoseconds(instants.now())
        margin = abs(now - searched.low) // _APPROXIMATELY
        searched = Range(searched.low - margin, searched.high + margin)
    return DateOperand(prefix, searched)


def _quantity(text: str, _param: SearchParam, _modifier: str, _zone: tzinfo) -> QuantityOperand:
    number_text, *unit = _parts(text)
    match = _COMPARED.fullmatch(number_text)
    if match is None or len(unit) not in (0, 2):
        raise ValueError
    number, prefix = Decimal(match["value"]), match["prefix"] or "eq"
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError  # noqa: TRY004 - Infinity is a number in Python only
    # Exact, while the default context rounds to 28 digits. Larger exponents are refused.
    exact = Context(prec=len(number.as_tuple().digits) + 2)
    is_approximate = prefix == "ap"
    half = exact.scaleb(exact.abs(number), -1) if is_approximate else exact.scaleb(5, exponent - 1)
    low, high = exact.subtract(number, half), exact.add(number, half)
    system, code = (part or None for part in unit or ("", ""))
    return QuantityOperand(prefix, number, low, high, system, code)


def _text(text: str, _param: SearchParam, _modifier: str, _zone: tzinfo) -> str:
    return _unescaped(text)


def _string(text: str, _param: SearchParam, _modifier: str, _zone: tzinfo) -> str:
    """Return a text as strings are compared; only `:exact` heeds case, accents and punctuation."""
    normal = words.normalize(_unescaped(text))
    if not normal:
        raise ValueError
    return normal


type _Parser = Callable[[str, SearchParam, str, tzinfo], Operand]

_PARSERS: dict[str, _Parser] = {
    "token": _token,
    "reference": _reference,
    "date": _date,
    "quantity": _quantity,
    "string": _string,
    "uri": _text,
}
_PARSERS_OF_MODIFIER: dict[str, _Parser] = {
    "exact": _text,
    "identifier": _token,
    "of-type": _of_type,
    "text": lambda text, *_: words.fold(_unescaped(text)),
}
