"""JSON that gives back every number digit for digit, as FHIR's decimals need it."""

import json
from decimal import Decimal
from typing import Any, Self

import orjson

from shared.errors import Malformed

# orjson writes up to 64 bits natively; a longer integer is kept as text.
LONGEST_NATIVE_INTEGER = 18
# orjson stops at 254 levels; no resource in use comes near this.
DEEPEST = 100


class Number(Decimal):
    """A decimal that remembers how it was written (`1.50` is not `1.5`)."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Keep the literal beside the value."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def _integer(text: str) -> int | Number:
    is_native = len(text) <= LONGEST_NATIVE_INTEGER and text != "-0"
    return int(text) if is_native else Number(text)


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object has a property twice")
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
    """Read JSON. Raises Malformed, naming the place but quoting nothing."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        value = _decoder.decode(text)
        if "\\u" in text:
            dumps(value)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Malformed("The body is not JSON", diagnostics=f"{error.msg} at {place}") from None
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8") from None
    except orjson.JSONEncodeError:
        raise Malformed("The body has half a surrogate pair in a string") from None
    except ArithmeticError:
        raise Malformed("The body has a number beyond all bounds") from None
    except ValueError as error:
        raise Malformed("The body is not JSON", diagnostics=str(error)) from None
    except RecursionError:
        raise Malformed("The body is nested too deeply") from None
    return value


def dumps(value: Any) -> bytes:
    """Write JSON without spaces; numbers read by `loads` as they were written."""
    return orjson.dumps(value, default=_literal)


def sent_size(text: bytes) -> int:
    """Return how large JSON is as a string in other JSON, where quotes and the like are escaped."""
    return len(text) + text.count(b'"') + text.count(b"\\") + text.count(b"\n")


def indented(text: bytes) -> bytes:
    """Write JSON again for people to read."""
    return orjson.dumps(loads(text), default=_literal, option=orjson.OPT_INDENT_2)


def canonical(value: Any) -> bytes:
    """Write JSON with its keys sorted, for comparing and hashing."""
    return orjson.dumps(value, default=_literal, option=orjson.OPT_SORT_KEYS)
