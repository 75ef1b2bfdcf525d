"""Plain forms of Coding and CodeableConcept: text or a usual code alone, others as an object."""

# ruff: noqa: D102 - the methods are documented in Kind

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.errors import Issue
from shared.plain.kinds import Whole, is_text
from shared.plain.parts import parts_wrong, picked, shape

type Json = dict[str, Any]

CODING = {"system": "uri", "code": "code", "display": "string"}
CONCEPT = {**CODING, "text": "string"}
# What makes two codings the same, whatever their display is.
_IDENTITY = ("system", "code")


@dataclass(frozen=True)
class Coding(Whole):
    """A Coding: a code of its usual system stands alone, any other is an object."""

    system: str
    displays: Mapping[str, str] = field(hash=False)

    def read(self, value: Json) -> Any:
        if value.get("system") == self.system and value.get("code") in self.displays:
            return value["code"]
        return picked(value, *CODING) or None

    def write(self, plain: Any, old: Json | None) -> Json:
        return _written(self.spread(plain), None if isinstance(plain, str) else old)

    def spread(self, plain: Any) -> Any:
        return _expanded(plain, self.system, self.displays)

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from _code_issues(plain, pointer, self.displays, CODING)


def _expanded(plain: Any, system: str, displays: Mapping[str, str]) -> Any:
    """Return the Coding of a usual code that stands alone, and any other value as it is."""
    if not isinstance(plain, str) or plain not in displays:
        return plain
    return {"system": system, "code": plain, "display": displays[plain]}


def _written(plain: Json, old: Json | None) -> Json:
    """Return a FHIR Coding. It keeps the old one's other elements if the code is the same."""
    given = picked(plain, *CODING)
    is_same = old is not None and all(old.get(name) == given.get(name) for name in _IDENTITY)
    others = {name: part for name, part in (old or {}).items() if name not in CODING}
    return {**others, **given} if is_same else given


def _code_issues(
    plain: Any, pointer: str, codes: Mapping[str, str], forms: Mapping[str, str]
) -> Iterator[Issue]:
    """Yield what is wrong with a value that is one of some codes, or an object with another."""
    if isinstance(plain, dict):
        yield from parts_wrong(plain, forms, pointer)
    elif not isinstance(plain, str) or plain not in codes:
        text = f"Must be one of {', '.join(codes)}, or an object {shape(forms)}"
        yield Issue("code-invalid", text, pointer)


@dataclass(frozen=True)
class Concept(Whole):
    """A CodeableConcept: text, or a code of its usual system, stands alone; others are objects."""

    system: str = ""
    displays: Mapping[str, str] = field(default_factory=dict, hash=False)

    def read(self, value: Json) -> Any:
        coding = picked((value.get("coding") or [{}])[0], *CODING)
        text = value.get("text")
        if not coding:
            return text if not self.system or text is None else {"text": text}
        is_usual = coding.get("system") == self.system and coding.get("code") in self.displays
        if is_usual and text is None:
            return coding["code"]
        return {**coding, **({} if text is None else {"text": text})}

    def write(self, plain: Any, old: Json | None) -> Json:
        if isinstance(plain, str) and self.system:
            return {"coding": [self.spread(plain)]}
        plain = self.spread(plain)
        before = (old or {}).get("coding") or []
        coding = _written(plain, before[0] if before else None)
        kept = {name: part for name, part in (old or {}).items() if name not in ("coding", "text")}
        if coding:
            # The other codings are translations of the first: they stay as long as it does.
            is_same = before and all(before[0].get(name) == coding.get(name) for name in _IDENTITY)
            kept["coding"] = [coding, *(before[1:] if is_same else [])]
        return {**kept, **picked(plain, "text")}

    def spread(self, plain: Any) -> Any:
        if self.system:
            return _expanded(plain, self.system, self.displays)
        return {"text": plain} if isinstance(plain, str) else plain

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if self.system:
            yield from _code_issues(plain, pointer, self.displays, CONCEPT)
        elif isinstance(plain, dict):
            yield from parts_wrong(plain, CONCEPT, pointer)
        elif not is_text(plain):
            yield Issue("value", f"Must be text, or an object {shape(CONCEPT)}", pointer)
