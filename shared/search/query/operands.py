"""The values a search parameter is given, by its type.

https://hl7.org/fhir/R4/search.html#ptypes
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Context, Decimal
from typing import NamedTuple

from shared.catalog.parameters import SearchParam
from shared.errors import Invalid, TooCostly
from shared.fhir import instants, references, words
from shared.fhir.instants import Range
from shared.fhir.search_values import CONTACT_POINT, canonical, contact


class TokenOperand(NamedTuple):
    """A code or system asked for; None is any, an empty system none. `kind` is for `:of-type`."""

    system: str | None
    code: str | None
    kind: tuple[str, str] | None = None


class ReferenceOperand(NamedTuple):
    """A reference in the index's form; `types` are those that a bare id may have, `()` any."""

    text: str
    type: str = ""
    bare: bool = False
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainedOperand:
    """Any contained resource: what a chain asks of it is looked at by itself."""


class DateOperand(NamedTuple):
    """A prefix and the time it compares with, widened already for `ap`."""

    prefix: str
    range: Range


class QuantityOperand(NamedTuple):
    """A prefix, a number, the range of its written digits, and the unit where one is asked for."""

    prefix: str
    number: Decimal
    low: Decimal
    high: Decimal
    system: str | None
    code: str | None


type Operand = (
    bool | TokenOperand | ReferenceOperand | ContainedOperand | DateOperand | QuantityOperand | str
)

# Which modifiers a type takes beside `:missing`; a reference also takes the name of a type.
MODIFIERS: dict[str, tuple[str, ...]] = {
    "token": ("not",),
    "reference": ("identifier",),
    "date": (),
    "quantity": (),
    "string": ("exact", "contains"),
    "uri": ("below",),
}
# What a token takes besides, by the data type of its element: a plain code has no display.
_MODIFIERS_OF_ELEMENT: dict[str, tuple[str, ...]] = {
    "Coding": ("text",),
    "CodeableConcept": ("text",),
    "Identifier": ("text", "of-type"),
}
_COMPARED = re.compile(r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb|ap)?(?P<value>[^a-z].*)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\,|$])")
_COMMA = re.compile(r"((?:[^\\,]|\\.?)*),?", re.DOTALL)
_BAR = re.compile(r"((?:[^\\|]|\\.?)*)\|?", re.DOTALL)
# Each is compared with every row that is read. In bytes of UTF-8, as a key of DynamoDB has them.
MOST_VALUES, LONGEST_VALUE = 1000, 1024
_APPROXIMATELY = 10  # `ap` takes a tenth of the distance to now, and of a number


def read(param: SearchParam, modifier: str, value: str, zone: tzinfo) -> tuple[Operand, ...]:
    """Read the values of a parameter, of which one must match. Raises Invalid naming it."""
    name = f"{param.code}:{modifier}" if modifier else param.code
    _check_modifier(param, modifier, name)
    if modifier == "missing":
        if value not in ("true", "false"):
            raise Invalid(f"{name}={value} is neither true nor false", expression=name)
        return (value == "true",)
    texts = parts(value)
    if not texts:
        raise Invalid(f"{name} has no value", expression=name)
    if any(len(text.encode(errors="replace")) > LONGEST_VALUE for text in texts):
        raise TooCostly(f"A value of {name} has at most {LONGEST_VALUE} bytes", expression=name)
    reader = _OF_MODIFIER.get(modifier) or _READERS[param.type]
    try:
        return tuple(reader(text, param, modifier, zone) for text in texts)
    except (ValueError, ArithmeticError):
        expected = _EXPECTED.get(modifier) or _EXPECTED[param.type]
        raise Invalid(f"{name}={value} is not {expected}", expression=name) from None


def parts(value: str) -> list[str]:
    """Return the values that commas part; they keep their escapes."""
    return [text for text in _split(_COMMA, value) if text]


# By modifier where it has a form of its own, else by type; a uri is never wrong.
_EXPECTED = {
    "identifier": "an identifier's value, system|value, |value or system|",
    "of-type": "system|code|value: an identifier's type and value",
    "date": "a date such as 2025-03, ge2025-03-01 or lt2025-03-01T10:00:00Z",
    "quantity": "a number such as 10, gt10 or lt1.5|http://unitsofmeasure.org|min",
    "reference": "an id, Type/id or a URL",
    "string": "a text with a letter or digit",
    "token": "a code, system|code, |code or system|",
}


def _check_modifier(param: SearchParam, modifier: str, name: str) -> None:
    of_element = _MODIFIERS_OF_ELEMENT.get(param.element, ())
    known = ("missing", *MODIFIERS[param.type], *of_element) if param.expression else ()
    if modifier in ("", *known) or _is_target(param, modifier):
        return
    offered = [f":{one}" for one in known] + [f":{one}" for one in _types(param)]
    raise Invalid(
        f"{param.code} takes no modifier :{modifier}, but {', '.join(offered) or 'none'}",
        expression=name,
    )


def _is_target(param: SearchParam, name: str) -> bool:
    """Tell whether a reference of a parameter may be to resources of this type."""
    if param.type != "reference" or not name[:1].isupper():
        return False
    if param.targets:
        return name in param.targets
    from shared.fhir.validation.schema import resource_types  # noqa: PLC0415 - seldom asked for

    return name in resource_types()


def _types(param: SearchParam) -> tuple[str, ...]:
    return param.targets if param.type == "reference" else ()


def _split(separator: "re.Pattern[str]", value: str) -> list[str]:
    """Split at what is not escaped; the parts keep their escapes."""
    parts, place = [], 0
    while place <= len(value):
        match = separator.match(value, place)
        if match is None:
            raise AssertionError("both patterns match the empty text")
        parts.append(match[1])
        if match.end() == match.end(1):
            break
        place = match.end()
    return parts


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def _token(text: str, param: SearchParam, _modifier: str, _zone: tzinfo) -> TokenOperand:
    parts = [_plain(part) for part in _split(_BAR, text)]
    if param.element == CONTACT_POINT:
        parts[-1] = contact(parts[-1])
    if len(parts) == 1:
        return TokenOperand(None, parts[0])
    system, code = parts[0], "|".join(parts[1:])
    if not system and not code:
        raise ValueError
    return TokenOperand(system, code or None)


def _of_type(text: str, _param: SearchParam, _modifier: str, _zone: tzinfo) -> TokenOperand:
    system, code, value = (_plain(part) for part in _split(_BAR, text))
    return TokenOperand(None, value, (system, code))


def _reference(text: str, param: SearchParam, modifier: str, _zone: tzinfo) -> ReferenceOperand:
    text = _plain(text)
    if modifier:
        identity = text.removeprefix(f"{modifier}/")
        if not references.is_id(identity, modifier):
            raise ValueError
        text = f"{modifier}/{identity}"
    if references.is_bare_id(text, param.targets):
        return ReferenceOperand(text, bare=True, types=param.targets)
    known = canonical(text)
    return ReferenceOperand(known.text, known.type)


def _date(text: str, _param: SearchParam, _modifier: str, zone: tzinfo) -> DateOperand:
    match = _COMPARED.fullmatch(_plain(text))
    if match is None:
        raise ValueError
    prefix, asked = match["prefix"] or "eq", instants.parse(match["value"], zone)
    if prefix == "ap":
        now = instants.nanoseconds(instants.now())
        margin = abs(now - asked.low) // _APPROXIMATELY
        asked = Range(asked.low - margin, asked.high + margin)
    return DateOperand(prefix, asked)


def _quantity(text: str, _param: SearchParam, _modifier: str, _zone: tzinfo) -> QuantityOperand:
    written, *unit = (_plain(part) for part in _split(_BAR, text))
    match = _COMPARED.fullmatch(written)
    if match is None or len(unit) not in (0, 2):
        raise ValueError
    number, prefix = Decimal(match["value"]), match["prefix"] or "eq"
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError  # noqa: TRY004 - Infinity is a number to Python only
    # Exact: nothing is rounded to the usual 28 digits. Beyond its exponents are no quantities.
    exact = Context(prec=len(number.as_tuple().digits) + 2)
    is_near = prefix == "ap"
    half = exact.scaleb(exact.abs(number), -1) if is_near else exact.scaleb(5, exponent - 1)
    low, high = exact.subtract(number, half), exact.add(number, half)
    system, code = unit or ("", "")
    return QuantityOperand(prefix, number, low, high, system or None, code or None)


def _text(text: str, _param: SearchParam, _modifier: str, _zone: tzinfo) -> str:
    return _plain(text)


def _folded(text: str, _param: SearchParam, _modifier: str, _zone: tzinfo) -> str:
    return words.folded(_plain(text))


def _string(text: str, _param: SearchParam, _modifier: str, _zone: tzinfo) -> str:
    """Read a text as it is compared: only `:exact` looks at its case, accents and punctuation."""
    normal = words.normal(_plain(text))
    if not normal:
        raise ValueError
    return normal


type _Reader = Callable[[str, SearchParam, str, tzinfo], Operand]

_READERS: dict[str, _Reader] = {
    "token": _token,
    "reference": _reference,
    "date": _date,
    "quantity": _quantity,
    "string": _string,
    "uri": _text,
}
_OF_MODIFIER: dict[str, _Reader] = {
    "exact": _text,
    "identifier": _token,
    "of-type": _of_type,
    "text": _folded,
}
