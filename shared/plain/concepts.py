"""Codes and concepts: a text or a usual code by itself, any other as an object."""

# ruff: noqa: D102 - Kind says what each does

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.errors import Issue
from shared.plain.kinds import Whole, is_text
from shared.plain.parts import parts_wrong, picked, shape

type Json = dict[str, Any]

CODING = {"system": "uri", "code": "code", "display": "string"}
CONCEPT = {**CODING, "text": "string"}


@dataclass(frozen=True)
class Coding(Whole):
    """A Coding: one of the codes of its usual system by itself, any other as an object."""

    system: str
    displays: Mapping[str, str] = field(hash=False)

    def read(self, value: Json) -> Any:
        if value.get("system") == self.system and value.get("code") in self.displays:
            return value["code"]
        return picked(value, *CODING) or None

    def write(self, plain: Any, old: Json | None) -> Json:
        return _coding(self.spread(plain), None if isinstance(plain, str) else old)

    def spread(self, plain: Any) -> Any:
        return _usual(plain, self.system, self.displays)

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from _code_wrong(plain, pointer, self.displays, CODING)


def _usual(plain: Any, system: str, displays: Mapping[str, str]) -> Any:
    """Return the Coding of a usual code that stands by itself; all else as it is."""
    if not isinstance(plain, str) or plain not in displays:
        return plain
    return {"system": system, "code": plain, "display": displays[plain]}


def _coding(plain: Json, old: Json | None) -> Json:
    """Give a Coding with what the old one says beside it, where that is the same code."""
    given = picked(plain, *CODING)
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
        text = f"Expected here is one of {', '.join(codes)}, or an object {shape(forms)}"
        yield Issue("code-invalid", text, pointer)


@dataclass(frozen=True)
class Concept(Whole):
    """A CodeableConcept: text by itself, or one of the codes of its system; else an object."""

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
        coding = _coding(plain, before[0] if before else None)
        kept = {n: each for n, each in (old or {}).items() if n not in ("coding", "text")}
        if coding:
            # Other codes for the same stay with it.
            is_same = before and all(before[0].get(n) == coding.get(n) for n in ("system", "code"))
            kept["coding"] = [coding, *(before[1:] if is_same else [])]
        return {**kept, **picked(plain, "text")}

    def spread(self, plain: Any) -> Any:
        if self.system:
            return _usual(plain, self.system, self.displays)
        return {"text": plain} if isinstance(plain, str) else plain

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if self.system:
            yield from _code_wrong(plain, pointer, self.displays, CONCEPT)
        elif isinstance(plain, dict):
            yield from parts_wrong(plain, CONCEPT, pointer)
        elif not is_text(plain):
            yield Issue("value", f"Expected here is text, or an object {shape(CONCEPT)}", pointer)
