"""JSON parsing and writing that keeps every number digit for digit, as FHIR's decimals require."""

import json
from collections.abc import Collection
from decimal import Decimal
from typing import Any, Self

import orjson

from shared.errors import Malformed

type Resource = dict[str, Any]

# orjson writes integers of up to 64 bits natively. This many characters always fit; a longer
# integer is kept as text.
LONGEST_NATIVE_INTEGER = 18
# orjson cannot write more than 254 levels of nesting. No real resource comes near this limit.
DEEPEST = 100


class Number(Decimal):
    """A decimal that keeps the text it was written as (`1.50` is not `1.5`)."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Create a number that keeps its text."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def _integer(text: str) -> int | Number:
    is_native = len(text) <= LONGEST_NATIVE_INTEGER and text != "-0"
    return int(text) if is_native else Number(text)


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON value")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("An object has the same property twice")
    return members


_decoder = json.JSONDecoder(
    parse_float=Number,
    parse_int=_integer,
    parse_constant=_refuse_constant,
    object_pairs_hook=_object,
)


def _literal(value: object) -> orjson.Fragment:
    if isinstance(value, Number):
        return orjson.Fragment(value.text.encode())
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value).encode())
    raise TypeError(type(value).__name__)


def loads(text: str | bytes) -> Any:
    """Parse JSON.

    Raises Malformed with the position of the error, without quoting the text.
    """
    try:
        text = text.decode() if isinstance(text, bytes) else text
        value = _decoder.decode(text)
        if "\\u" in text:
            dumps(value)
    except json.JSONDecodeError as error:
        position = f"line {error.lineno}, column {error.colno}"
        raise Malformed(
            "The body is not valid JSON", diagnostics=f"{error.msg} at {position}"
        ) from None
    except UnicodeDecodeError:
        raise Malformed("The body is not encoded in UTF-8") from None
    except orjson.JSONEncodeError:
        raise Malformed("A string in the body contains an unpaired surrogate") from None
    except ArithmeticError:
        raise Malformed("A number in the body is too large or too small to be stored") from None
    except ValueError as error:
        raise Malformed("The body is not valid JSON", diagnostics=str(error)) from None
    except RecursionError:
        raise Malformed("The body is nested too deeply") from None
    return value


def dumps(value: Any) -> bytes:
    """Write compact JSON. Numbers that `loads` read are written exactly as they were."""
    return orjson.dumps(value, default=_literal)


def sent_size(text: bytes) -> int:
    """Return the size that JSON has as a string inside other JSON, where quotes are escaped."""
    return len(text) + text.count(b'"') + text.count(b"\\") + text.count(b"\n")


def fits(texts: Collection[bytes], most: int) -> bool:
    """Return whether several texts are sent in at most so many bytes."""
    # Escaping doubles a text at most, so that most need not be looked at.
    return 2 * sum(map(len, texts)) <= most or sum(map(sent_size, texts)) <= most


def indented(text: bytes) -> bytes:
    """Return JSON with indentation, for people to read."""
    return orjson.dumps(loads(text), default=_literal, option=orjson.OPT_INDENT_2)


def canonical(value: Any) -> bytes:
    """Write compact JSON with sorted keys, for comparing and hashing."""
    return orjson.dumps(value, default=_literal, option=orjson.OPT_SORT_KEYS)
