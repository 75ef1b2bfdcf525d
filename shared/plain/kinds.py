"""Values as FHIR has them and as applications do that do not speak it: each kind knows both.

`read` gives None for what cannot be said plainly: that is not shown, and stays as it is. A value is
as simple as it can be without leaving out what an object of the kind would say.
"""

# ruff: noqa: ARG002, D102 - Kind says what each does, and with what

import re
from base64 import b64decode, b64encode
from binascii import Error as NoBase64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from shared import references
from shared.errors import Issue
from shared.resources.primitives import PRIMITIVES
from shared.resources.schema import binding, listed

type Json = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
_UNIT_SECONDS: dict[str, int] = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}
_MINUTE = 60
# Of what lasts longer the minutes are not counted.
_LONGEST = 1_000_000
_URL = re.compile(r"(https?://|urn:)\S+", re.IGNORECASE)
_URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)
_ABSOLUTE_TYPE = re.compile(r".*/([A-Z][A-Za-z]+)/[^/]+", re.ASCII)


class Kind(Protocol):
    """What the kinds have in common."""

    def read(self, value: Any) -> Any:
        """Give FHIR's value plainly, None where that cannot be."""

    def write(self, plain: Any, old: Any) -> Any:
        """Give a plain value as FHIR has it, with what the old one says beside it."""

    def without(self, old: Any) -> Any:
        """Give what is left of the old one where there is no plain value."""

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        """List what is wrong with a plain value, each with its JSON Pointer."""

    def places(self, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        """Give the pointer of each FHIRPath within a value."""


def _is_text(plain: Any) -> bool:
    return PRIMITIVES["string"].holds(plain)


def parts_wrong(plain: Json, forms: Mapping[str, str], pointer: str) -> Iterator[Issue]:
    """List what is wrong with an object of primitives; null is as good as nothing."""
    for name, value in plain.items():
        here = f"{pointer}/{escaped(name)}"
        if name not in forms:
            text = f"There is no such field; there are {', '.join(forms)}"
            yield Issue("structure", text, here)
        elif value is not None:
            yield from Primitive(forms[name]).wrong(value, here)
    if not any(plain.get(name) is not None for name in forms):
        yield Issue("value", f"One of {', '.join(forms)} is expected here", pointer)


def escaped(name: str) -> str:
    """Write a name as a token of a JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _picked(plain: Json, *names: str) -> Json:
    return {name: plain[name] for name in names if plain.get(name) is not None}


class _Whole:
    """A value that goes as a whole; what of it has no pointer of its own has that of the value."""

    def without(self, old: Any) -> Any:
        return None

    def places(self, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        yield path, pointer


@dataclass(frozen=True)
class Primitive(_Whole):
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


CODING = {"system": "uri", "code": "code", "display": "string"}
CONCEPT = {**CODING, "text": "string"}
REFERENCE = {"reference": "string", "display": "string"}


@dataclass(frozen=True)
class Coding(_Whole):
    """A Coding: one of the codes of its usual system by itself, any other as an object."""

    system: str
    displays: Mapping[str, str] = field(hash=False)

    def read(self, value: Json) -> Any:
        if value.get("system") == self.system and value.get("code") in self.displays:
            return value["code"]
        return _picked(value, *CODING) or None

    def write(self, plain: Any, old: Json | None) -> Json:
        if isinstance(plain, str):
            return {"system": self.system, "code": plain, "display": self.displays[plain]}
        return _coding(plain, old)

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from _code_wrong(plain, pointer, self.displays, CODING)


def _coding(plain: Json, old: Json | None) -> Json:
    """Give a Coding with what the old one says beside it, where that is the same code."""
    given = _picked(plain, *CODING)
    is_same = old is not None and all(old.get(n) == given.get(n) for n in ("system", "code"))
    kept = {n: each for n, each in (old or {}).items() if n not in CODING} if is_same else {}
    return {**kept, **given}


def _code_wrong(
    plain: Any, pointer: str, codes: Mapping[str, str], forms: Mapping[str, str]
) -> Iterator[Issue]:
    """List what is wrong with one of some codes, or an object that says another system's."""
    if isinstance(plain, dict):
        yield from parts_wrong(plain, forms, pointer)
    elif not isinstance(plain, str) or plain not in codes:
        text = f"Expected here is one of {', '.join(codes)}, or an object {_shape(forms)}"
        yield Issue("code-invalid", text, pointer)


def _shape(forms: Mapping[str, str]) -> str:
    return f"{{{', '.join(forms)}}}"


@dataclass(frozen=True)
class Concept(_Whole):
    """A CodeableConcept: text by itself, or one of the codes of its system; else an object."""

    system: str = ""
    displays: Mapping[str, str] = field(default_factory=dict, hash=False)

    def read(self, value: Json) -> Any:
        coding = _picked((value.get("coding") or [{}])[0], *CODING)
        text = value.get("text")
        if not coding:
            return text if not self.system or text is None else {"text": text}
        is_usual = coding.get("system") == self.system and coding.get("code") in self.displays
        if is_usual and text is None:
            return coding["code"]
        return {**coding, **({} if text is None else {"text": text})}

    def write(self, plain: Any, old: Json | None) -> Json:
        if isinstance(plain, str):
            if self.system:
                display = self.displays[plain]
                return {"coding": [{"system": self.system, "code": plain, "display": display}]}
            plain = {"text": plain}
        before = (old or {}).get("coding") or []
        coding = _coding(plain, before[0] if before else None)
        kept = {n: each for n, each in (old or {}).items() if n not in ("coding", "text")}
        if coding:
            # Other codes for the same stay with it.
            is_same = before and all(before[0].get(n) == coding.get(n) for n in ("system", "code"))
            kept["coding"] = [coding, *(before[1:] if is_same else [])]
        return {**kept, **_picked(plain, "text")}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if self.system:
            yield from _code_wrong(plain, pointer, self.displays, CONCEPT)
        elif isinstance(plain, dict):
            yield from parts_wrong(plain, CONCEPT, pointer)
        elif not _is_text(plain):
            yield Issue("value", f"Expected here is text, or an object {_shape(CONCEPT)}", pointer)


@dataclass(frozen=True)
class Id(_Whole):
    """A Reference: the id alone of the usual type, else the reference as it is.

    `types` are those that belong here; without a usual one it always names its type. One that is
    `typed` leaves references that say no type (`urn:uuid:...`) to another field of the element.
    """

    usual: str
    types: tuple[str, ...]
    typed: bool = False

    def read(self, value: Json) -> str | None:
        text = value.get("reference")
        if not isinstance(text, str):
            return None
        found = references.literal(text)
        if found is None:
            named = _ABSOLUTE_TYPE.fullmatch(text)
            is_here = named[1] in self.types if named else not self.typed
            return text if is_here else None
        if found.type not in self.types:
            return None
        return found.id if found.type == self.usual else str(found)

    def write(self, plain: str, old: Any) -> Json:
        bare = references.ID.fullmatch(plain)
        return {"reference": f"{self.usual}/{plain}" if bare else plain}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not isinstance(plain, str) or not self._takes(plain):
            named = " or ".join(f"{each}/id" for each in self.types)
            bare = "an id, " if self.usual else ""
            yield Issue("value", f"Expected here is {bare}{named} or a URL", pointer)

    def _takes(self, text: str) -> bool:
        if references.ID.fullmatch(text):
            return bool(self.usual)
        absolute = _ABSOLUTE_TYPE.fullmatch(text)
        kind = absolute[1] if absolute else re.split(r"[/?]", text, maxsplit=1)[0]
        is_untyped = text[:1] == "#" or _URI.fullmatch(text)
        return kind in self.types or bool(is_untyped and not absolute and not self.typed)


@dataclass(frozen=True)
class Named(_Whole):
    """A Reference to what may have no resource: its name as text, `Type/id`, or an object."""

    types: tuple[str, ...]

    def read(self, value: Json) -> Any:
        said = _picked(value, *REFERENCE)
        if len(said) == 1:
            ((name, text),) = said.items()
            if self._is_reference(text) is (name == "reference"):
                return text
        return said or None

    def write(self, plain: Any, old: Json | None) -> Json:
        if isinstance(plain, str):
            plain = {"reference" if self._is_reference(plain) else "display": plain}
        given = _picked(plain, *REFERENCE)
        is_same = old is not None and old.get("reference", "") == given.get("reference")
        kept = {n: each for n, each in (old or {}).items() if n not in REFERENCE}
        return {**(kept if is_same else {}), **given}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if isinstance(plain, dict):
            yield from parts_wrong(plain, REFERENCE, pointer)
        elif not _is_text(plain):
            named = " or ".join(f"{each}/id" for each in self.types)
            text = f"Expected here is text, {named}, or an object {_shape(REFERENCE)}"
            yield Issue("value", text, pointer)

    def _is_reference(self, text: str) -> bool:
        kind, slash, own = text.partition("/")
        is_literal = kind in self.types and slash and references.ID.fullmatch(own)
        return bool(is_literal) or _URL.fullmatch(text) is not None


@dataclass(frozen=True)
class Minutes(_Whole):
    """A Duration, in minutes."""

    def read(self, value: Json) -> Any:
        unit = _UNIT_SECONDS.get(value.get("code") or value.get("unit") or "")
        if unit is None or "value" not in value or "comparator" in value:
            return None
        if unit == _MINUTE:
            return value["value"]
        if abs(value["value"]) > _LONGEST:
            return None
        minutes = Decimal(value["value"]) * unit / _MINUTE
        return int(minutes) if minutes == int(minutes) else round(minutes, 2)

    def write(self, plain: Any, old: Any) -> Json:
        return {"value": plain, "unit": "min", "system": UCUM, "code": "min"}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not PRIMITIVES["decimal"].holds(plain) or plain < 0:
            yield Issue("value", "Expected here is a number of minutes, from 0 on", pointer)


@dataclass(frozen=True)
class Written(_Whole):
    """The text that an Attachment holds in base64."""

    _DESCRIBING = frozenset({"data", "url", "size", "hash"})

    def read(self, value: Json) -> str | None:
        try:
            text = b64decode(value.get("data", "")).decode()
        except (NoBase64, ValueError):
            return None
        return text if _is_text(text) else None

    def write(self, plain: str, old: Json | None) -> Json:
        kept = {n: each for n, each in (old or {}).items() if n not in self._DESCRIBING}
        if not kept.get("contentType", "").startswith("text/"):
            kept["contentType"] = "text/plain; charset=utf-8"
        return {**kept, "data": b64encode(plain.encode()).decode()}

    def without(self, old: Json) -> Json:
        return {n: each for n, each in old.items() if n not in self._DESCRIBING}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from Primitive("string").wrong(plain, pointer)


@dataclass(frozen=True)
class Inside(_Whole):
    """A value that stands in a member of an object, which may say more."""

    member: str
    kind: Kind

    def read(self, value: Json) -> Any:
        return self.kind.read(value[self.member]) if self.member in value else None

    def write(self, plain: Any, old: Json | None) -> Json:
        kept = old or {}
        return {**kept, self.member: self.kind.write(plain, kept.get(self.member))}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from self.kind.wrong(plain, pointer)

    def places(self, value: Json, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        yield path, pointer
        yield from self.kind.places(value.get(self.member), f"{path}.{self.member}", pointer)
