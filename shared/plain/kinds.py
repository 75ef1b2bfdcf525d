"""Values as FHIR has them and as applications do that do not speak it: each kind knows both.

`read` gives None for what cannot be said plainly: that is not shown, and stays as it is. A value is
as simple as it can be without leaving out what an object of the kind would say.
"""

# ruff: noqa: ARG002, D102 - Kind says what each does, and with what

from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from shared.errors import Issue
from shared.resources.primitives import PRIMITIVES
from shared.resources.schema import binding, listed

type Json = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
_UNIT_SECONDS: dict[str, int] = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}
_MINUTE = 60
# Of what lasts longer the minutes are not counted.
_LONGEST = 1_000_000


class Kind(Protocol):
    """What the kinds have in common."""

    def read(self, value: Any) -> Any:
        """Give FHIR's value plainly, None where that cannot be."""

    def write(self, plain: Any, old: Any) -> Any:
        """Give a plain value as FHIR has it, with what the old one says beside it."""

    def without(self, old: Any) -> Any:
        """Give what is left of the old one where there is no plain value."""

    def spread(self, plain: Any) -> Any:
        """Return what `read` has shortened as the object that it stands for."""

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        """List what is wrong with a plain value, each with its JSON Pointer."""

    def places(self, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        """Give the pointer of each FHIRPath within a value."""


def says_nothing(plain: Any) -> bool:
    """Return whether a value is null, or an object of which every member is."""
    is_object = isinstance(plain, dict) and bool(plain)
    return plain is None or (is_object and all(each is None for each in plain.values()))


def is_text(plain: Any) -> bool:
    """Tell whether a value is text."""
    return PRIMITIVES["string"].holds(plain)


class Whole:
    """A value that goes as a whole; what of it has no pointer of its own has that of the value."""

    def without(self, old: Any) -> Any:
        return None

    def spread(self, plain: Any) -> Any:
        return plain

    def places(self, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        yield path, pointer


@dataclass(frozen=True)
class Primitive(Whole):
    """The same on both sides; `form` is FHIR's name of its type."""

    form: str

    def read(self, value: Any) -> Any:
        return value

    def write(self, plain: Any, old: Any) -> Any:
        return plain

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not PRIMITIVES[self.form].holds(plain):
            yield Issue("value", f"Expected here is {PRIMITIVES[self.form].form}", pointer)


@dataclass(frozen=True)
class Code(Primitive):
    """A code of a value set of R4."""

    value_set: str
    form: str = field(default="code", init=False)

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not isinstance(plain, str) or not binding(self.value_set)(plain):
            codes = listed(self.value_set)
            known = f"one of {', '.join(codes)}" if codes else "a media type, as text/plain"
            yield Issue("code-invalid", f"Expected here is {known}", pointer)


@dataclass(frozen=True)
class Minutes(Whole):
    """A Duration, in minutes."""

    def read(self, value: Json) -> Any:
        unit = _UNIT_SECONDS.get(value.get("code") or value.get("unit") or "")
        if unit is None or "value" not in value or "comparator" in value:
            return None
        if unit == _MINUTE:
            return value["value"]
        if not -_LONGEST <= value["value"] <= _LONGEST:
            return None
        minutes = Decimal(value["value"]) * unit / _MINUTE
        return int(minutes) if minutes == int(minutes) else round(minutes, 2)

    def write(self, plain: Any, old: Any) -> Json:
        return {"value": plain, "unit": "min", "system": UCUM, "code": "min"}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not PRIMITIVES["decimal"].holds(plain) or plain < 0:
            yield Issue("value", "Expected here is a number of minutes, from 0 on", pointer)


@dataclass(frozen=True)
class Written(Whole):
    """The text that an Attachment holds in base64."""

    _DESCRIBING = frozenset({"data", "url", "size", "hash"})

    def read(self, value: Json) -> str | None:
        try:
            text = b64decode(value.get("data", "")).decode()
        except (NoBase64, ValueError):
            return None
        return text if is_text(text) else None

    def write(self, plain: str, old: Json | None) -> Json:
        kept = {n: each for n, each in (old or {}).items() if n not in self._DESCRIBING}
        kind, _, given = kept.get("contentType", "").partition(";")
        if not kind.startswith("text/") or ("charset" in given and "utf-8" not in given.lower()):
            kind = kind if kind.startswith("text/") else "text/plain"
            kept["contentType"] = f"{kind}; charset=utf-8"
        return {**kept, "data": b64encode(plain.encode()).decode()}

    def without(self, old: Json) -> Json:
        return {n: each for n, each in old.items() if n not in self._DESCRIBING}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from Primitive("string").wrong(plain, pointer)


@dataclass(frozen=True)
class Inside(Whole):
    """A value that stands in a member of an object, which may say more."""

    member: str
    kind: Kind

    def read(self, value: Json) -> Any:
        return self.kind.read(value[self.member]) if self.member in value else None

    def write(self, plain: Any, old: Json | None) -> Json:
        kept = {name: each for name, each in (old or {}).items() if name != self.member}
        inner = self.kind.write(plain, (old or {}).get(self.member))
        return kept if inner == {} else {**kept, self.member: inner}

    def spread(self, plain: Any) -> Any:
        return self.kind.spread(plain)

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from self.kind.wrong(plain, pointer)

    def places(self, value: Json, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        yield path, pointer
        yield from self.kind.places(value.get(self.member), f"{path}.{self.member}", pointer)
