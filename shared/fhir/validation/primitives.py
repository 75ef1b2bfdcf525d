"""The formats of R4's primitive types.

https://hl7.org/fhir/R4/datatypes.html#primitive
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from shared.catalog.code_systems import UCUM

LONGEST_STRING = 1024 * 1024
INTEGERS = range(-(2**31), 2**31)
_SHORTEST_MONTH = 28
_DAY = slice(8, 10)

_YEAR = r"(?!0000)\d{4}"
_DATE = rf"{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_ZONE = r"(?:Z|[+-](?:(?:0\d|1[0-3]):[0-5]\d|14:00))"
_WHITESPACE = str.maketrans("", "", " \t\r\n")


class Primitive(NamedTuple):
    """A primitive type: the test of a JSON value, and the format in words for error messages."""

    is_valid: Callable[[object], bool]
    form: str


def _text(pattern: str, form: str, accepts: Callable[[str], bool] = lambda _: True) -> Primitive:
    match = re.compile(pattern, re.ASCII).fullmatch

    def holds(value: object) -> bool:
        return isinstance(value, str) and match(value) is not None and accepts(value)

    return Primitive(holds, form)


def _string(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_STRING
        and _CONTROL.search(value) is None
    )


_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _is_day(text: str) -> bool:
    """Return whether the day of a date exists in its month. True if no day is given."""
    if int(text[_DAY] or 0) <= _SHORTEST_MONTH:
        return True
    try:
        date.fromisoformat(text[: _DAY.stop])
    except ValueError:
        return False
    return True


def _whole(low: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and low <= value < INTEGERS.stop


def _decimal(value: object) -> bool:
    return type(value) is int or isinstance(value, Decimal)


def _base64(value: object) -> bool:
    if not isinstance(value, str):
        return False
    packed = value.translate(_WHITESPACE)
    return bool(packed) and len(packed) % 4 == 0 and _BASE64.fullmatch(packed) is not None


_BASE64 = re.compile(r"[0-9A-Za-z+/]*={0,2}", re.ASCII)

_STRING_FORM = "text without control characters, at most 1 MB"
_CODE = r"[^\s\x00-\x1f]+(?: [^\s\x00-\x1f]+)*"
_URI = r"[^\s\x00-\x1f]+"

PRIMITIVES = {
    "base64Binary": Primitive(_base64, "base64"),
    "boolean": Primitive(lambda value: value is True or value is False, "true or false"),
    "canonical": _text(_URI, "a URI without spaces"),
    "code": _text(_CODE, "a code without leading, trailing or double spaces"),
    "date": _text(
        rf"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_DATE}", "YYYY, YYYY-MM or YYYY-MM-DD", _is_day
    ),
    "dateTime": _text(
        rf"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?|{_DATE}(?:T{_TIME}{_ZONE})?",
        "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+zz:zz, where a time needs seconds and "
        "a time zone",
        _is_day,
    ),
    "decimal": Primitive(_decimal, "a JSON number"),
    "id": _text(r"[A-Za-z0-9.-]{1,64}", "1 to 64 letters, digits, hyphens and dots"),
    "instant": _text(rf"{_DATE}T{_TIME}{_ZONE}", "YYYY-MM-DDThh:mm:ss.sss+zz:zz", _is_day),
    "integer": Primitive(_whole(INTEGERS.start), "a 32-bit integer"),
    "markdown": Primitive(_string, _STRING_FORM),
    "oid": _text(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+", "urn:oid:..."),
    "positiveInt": Primitive(_whole(1), "a 32-bit integer of at least 1"),
    "string": Primitive(_string, _STRING_FORM),
    "time": _text(_TIME, "hh:mm:ss"),
    "unsignedInt": Primitive(_whole(0), "a 32-bit integer of at least 0"),
    "uri": _text(_URI, "a URI without spaces"),
    "url": _text(_URI, "a URL without spaces"),
    "uuid": _text(r"urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "urn:uuid:..."),
    "xhtml": Primitive(_string, "XHTML in a string"),
}

_MIME = r"[\w!#$&^.+-]+/[\w!#$&^.+*-]+(?: ?;.*)?"

# Value sets of required bindings whose codes R4 does not list: a grammar (BCP 13) or another
# standard defines them.
OPEN_VALUE_SETS = {
    "mimetypes": re.compile(_MIME, re.ASCII),
    "formats": re.compile(rf"xml|json|ttl|none|{_MIME}", re.ASCII),
    "currencies": re.compile(r"[A-Z]{3}", re.ASCII),
}
# Value sets of CodeableConcepts that are a whole code system, whose codes R4 does not list.
OPEN_CONCEPTS = {"ucum-units": UCUM}
