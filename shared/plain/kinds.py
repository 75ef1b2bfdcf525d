"""Kinds of values: each converts between the FHIR form of a value and its plain form.

`read` returns None for a FHIR value without a plain form, which is then neither shown nor changed.
A plain form is as simple as possible, but leaves out nothing that the object form would say.
"""

# ruff: noqa: ARG002, D102 - the methods, and their arguments, are documented in Kind

from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from shared.catalog.code_systems import UCUM
from shared.errors import Issue
from shared.fhir.validation.primitives import PRIMITIVES
from shared.fhir.validation.schema import code_predicate, value_set_codes

type Json = dict[str, Any]

_UNIT_SECONDS: dict[str, int] = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}
_MINUTE = 60
# A larger number of another unit is not converted to minutes: it has no plain form.
_LARGEST_CONVERTED = 1_000_000


class Kind(Protocol):
    """The interface of all kinds."""

    def read(self, value: Any) -> Any:
        """Return the plain form of a FHIR value, or None if it has none."""

    def write(self, plain: Any, old: Any) -> Any:
        """Return the FHIR form of a plain value, with what it does not show of the old one."""

    def without(self, old: Any) -> Any:
        """Return what is left of the old FHIR value when its plain value is removed."""

    def spread(self, plain: Any) -> Any:
        """Return the object that a shortened plain value stands for."""

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        """Yield what is wrong with a plain value, each issue with its JSON Pointer."""

    def places(self, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        """Yield the FHIRPaths within a FHIR value, each with its JSON Pointer."""


def says_nothing(plain: Any) -> bool:
    """Return whether a plain value is null, or an object whose members are all null."""
    is_object = isinstance(plain, dict) and bool(plain)
    return plain is None or (is_object and all(member is None for member in plain.values()))


def is_text(plain: Any) -> bool:
    """Return whether a value is a valid FHIR string."""
    return PRIMITIVES["string"].is_valid(plain)


class Whole:
    """The base of kinds whose values are removed as a whole, and have a single JSON Pointer."""

    def without(self, old: Any) -> Any:
        return None

    def spread(self, plain: Any) -> Any:
        return plain

    def places(self, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        yield path, pointer


@dataclass(frozen=True)
class Primitive(Whole):
    """A primitive value, the same in both forms; `form` is the name of its FHIR type."""

    form: str

    def read(self, value: Any) -> Any:
        return value

    def write(self, plain: Any, old: Any) -> Any:
        return plain

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not PRIMITIVES[self.form].is_valid(plain):
            yield Issue("value", f"Must be {PRIMITIVES[self.form].form}", pointer)


@dataclass(frozen=True)
class Code(Primitive):
    """A code of a value set of R4."""

    value_set: str
    form: str = field(default="code", init=False)

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not isinstance(plain, str) or not code_predicate(self.value_set)(plain):
            codes = value_set_codes(self.value_set)
            expected = f"one of {', '.join(codes)}" if codes else "a media type, such as text/plain"
            yield Issue("code-invalid", f"Must be {expected}", pointer)


@dataclass(frozen=True)
class Minutes(Whole):
    """A Duration, shown as a number of minutes."""

    def read(self, value: Json) -> Any:
        unit = _UNIT_SECONDS.get(value.get("code") or value.get("unit") or "")
        if unit is None or "value" not in value or "comparator" in value:
            return None
        if unit == _MINUTE:
            return value["value"]
        if not -_LARGEST_CONVERTED <= value["value"] <= _LARGEST_CONVERTED:
            return None
        minutes = Decimal(value["value"]) * unit / _MINUTE
        return int(minutes) if minutes == int(minutes) else round(minutes, 2)

    def write(self, plain: Any, old: Any) -> Json:
        return {"value": plain, "unit": "min", "system": UCUM, "code": "min"}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not PRIMITIVES["decimal"].is_valid(plain) or plain < 0:
            yield Issue("value", "Must be a number of minutes, 0 or more", pointer)


@dataclass(frozen=True)
class Written(Whole):
    """An Attachment, shown as the text that it holds in base64."""

    # The elements that hold or describe the content, which go when it does.
    _CONTENT = frozenset({"data", "url", "size", "hash"})

    def read(self, value: Json) -> str | None:
        try:
            text = b64decode(value.get("data", "")).decode()
        except (NoBase64, ValueError):
            return None
        return text if is_text(text) else None

    def write(self, plain: str, old: Json | None) -> Json:
        kept = self.without(old or {})
        media_type, _, parameters = kept.get("contentType", "").partition(";")
        is_text_type = media_type.startswith("text/")
        if not is_text_type or ("charset" in parameters and "utf-8" not in parameters.lower()):
            media_type = media_type if is_text_type else "text/plain"
            kept["contentType"] = f"{media_type}; charset=utf-8"
        return {**kept, "data": b64encode(plain.encode()).decode()}

    def without(self, old: Json) -> Json:
        return {name: part for name, part in old.items() if name not in self._CONTENT}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from Primitive("string").wrong(plain, pointer)


@dataclass(frozen=True)
class Inside(Whole):
    """A FHIR object, shown as the value of one of its members; its other members are kept."""

    member: str
    kind: Kind

    def read(self, value: Json) -> Any:
        return self.kind.read(value[self.member]) if self.member in value else None

    def write(self, plain: Any, old: Json | None) -> Json:
        kept = {name: part for name, part in (old or {}).items() if name != self.member}
        inner = self.kind.write(plain, (old or {}).get(self.member))
        return kept if inner == {} else {**kept, self.member: inner}

    def spread(self, plain: Any) -> Any:
        return self.kind.spread(plain)

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from self.kind.wrong(plain, pointer)

    def places(self, value: Json, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        yield path, pointer
        yield from self.kind.places(value.get(self.member), f"{path}.{self.member}", pointer)
