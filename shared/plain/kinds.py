"""Kinds of values: each is an annotation that says how a value is checked, described and mapped.

`from_fhir` returns None for a FHIR value without a plain form, which is then neither shown nor
changed. A plain form is as simple as possible, but leaves out nothing that the object form says.
"""

# ruff: noqa: ARG002, D102 - the methods, and their arguments, are documented in Kind and Checked

from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from shared.catalog.code_systems import UCUM
from shared.fhir.validation.primitives import PRIMITIVES
from shared.fhir.validation.schema import code_predicate, value_set_codes
from shared.http.openapi import schemas
from shared.plain.checks import TEXT, Checked, Rule

type Json = dict[str, Any]

_UNIT_SECONDS: dict[str, int] = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}
_MINUTE = 60
# A larger number of another unit is not converted to minutes: it has no plain form.
_LARGEST_CONVERTED = 1_000_000


class Kind(Protocol):
    """How a value is mapped: by default it is the same in both forms, and removed as a whole."""

    def from_fhir(self, value: Any) -> Any:
        """Return the plain form of a FHIR value, or None if it has none."""
        return value

    def to_fhir(self, plain: Any, old: Any) -> Any:
        """Return the FHIR form of a plain value, with what it does not show of the old one."""
        return plain

    def cleared(self, old: Any) -> Any:
        """Return what is left of the old FHIR value when its plain value is removed."""
        return None

    def expanded(self, plain: Any) -> Any:
        """Return the object that a shortened plain value stands for."""
        return plain

    def pointers(self, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        """Yield the FHIRPaths within a FHIR value, each with its JSON Pointer."""
        yield path, pointer


def says_nothing(plain: Any) -> bool:
    """Return whether a plain value is null, or an object whose members are all null."""
    is_object = isinstance(plain, dict) and bool(plain)
    return plain is None or (is_object and all(member is None for member in plain.values()))


class Value(Checked, Kind):
    """The base of the kinds that are annotations. The others are models."""


@dataclass(frozen=True)
class Primitive(Value):
    """A primitive value, the same in both forms; `form` is the name of its FHIR type."""

    form: str

    def rule(self) -> Rule:
        holds, form = PRIMITIVES[self.form]
        return Rule(holds, form, schemas.PRIMITIVES.get(self.form, schemas.TEXT))


@dataclass(frozen=True)
class Code(Primitive):
    """A code of a value set of R4."""

    value_set: str
    form: str = field(default="code", init=False)

    def rule(self) -> Rule:
        is_code, codes = code_predicate(self.value_set), value_set_codes(self.value_set)
        expected = f"one of {', '.join(codes)}" if codes else "a media type, such as text/plain"
        schema = {"type": "string", "enum": codes} if codes else schemas.PRIMITIVES["code"]
        return Rule(
            lambda plain: isinstance(plain, str) and is_code(plain),
            expected,
            schema,
            "code-invalid",
        )


class Minutes(Value):
    """A Duration, shown as a number of minutes."""

    def rule(self) -> Rule:
        return Rule(
            lambda plain: PRIMITIVES["decimal"].is_valid(plain) and plain >= 0,
            "a number of minutes, 0 or more",
            {"type": "number", "minimum": 0},
        )

    def from_fhir(self, value: Json) -> Any:
        unit = _UNIT_SECONDS.get(value.get("code") or value.get("unit") or "")
        if unit is None or "value" not in value or "comparator" in value:
            return None
        if unit == _MINUTE:
            return value["value"]
        if not -_LARGEST_CONVERTED <= value["value"] <= _LARGEST_CONVERTED:
            return None
        minutes = Decimal(value["value"]) * unit / _MINUTE
        return int(minutes) if minutes == int(minutes) else round(minutes, 2)

    def to_fhir(self, plain: Any, old: Any) -> Json:
        return {"value": plain, "unit": "min", "system": UCUM, "code": "min"}


class EncodedText(Value):
    """An Attachment, shown as the text that it holds in base64."""

    # The elements that hold or describe the content, which go when it does.
    _CONTENT = frozenset({"data", "url", "size", "hash"})

    def from_fhir(self, value: Json) -> str | None:
        try:
            text = b64decode(value.get("data", "")).decode()
        except (NoBase64, ValueError):
            return None
        return text if TEXT.accepts(text) else None

    def to_fhir(self, plain: str, old: Json | None) -> Json:
        kept = self.cleared(old or {})
        media_type, _, parameters = kept.get("contentType", "").partition(";")
        is_text_type = media_type.startswith("text/")
        if not is_text_type or ("charset" in parameters and "utf-8" not in parameters.lower()):
            media_type = media_type if is_text_type else "text/plain"
            kept["contentType"] = f"{media_type}; charset=utf-8"
        return {**kept, "data": b64encode(plain.encode()).decode()}

    def cleared(self, old: Json) -> Json:
        return {name: part for name, part in old.items() if name not in self._CONTENT}


@dataclass(frozen=True)
class Inside(Value):
    """A FHIR object, shown as the value of one of its members; its other members are kept."""

    member: str
    kind: Kind

    def from_fhir(self, value: Json) -> Any:
        return self.kind.from_fhir(value[self.member]) if self.member in value else None

    def to_fhir(self, plain: Any, old: Json | None) -> Json:
        kept = {name: part for name, part in (old or {}).items() if name != self.member}
        inner = self.kind.to_fhir(plain, (old or {}).get(self.member))
        return kept if inner == {} else {**kept, self.member: inner}

    def expanded(self, plain: Any) -> Any:
        return self.kind.expanded(plain)

    def pointers(self, value: Json, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        yield path, pointer
        yield from self.kind.pointers(value.get(self.member), f"{path}.{self.member}", pointer)
