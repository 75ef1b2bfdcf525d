"""Kinds of Coding and CodeableConcept: text or a usual code alone, others as an object."""

# ruff: noqa: D102 - the methods are documented in Kind and Checked

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from shared.plain.checks import TEXT, Rule
from shared.plain.kinds import Primitive
from shared.plain.models import LongForm, Shortened, element

type Json = dict[str, Any]

_Text = Annotated[str, Primitive("string")]
# What makes two codings the same, whatever their display is.
_IDENTITY = ("system", "code")


class CodingObject(LongForm):
    """A code with its system and its text."""

    system: Annotated[str, Primitive("uri")] = element("system")
    code: Annotated[str, Primitive("code")] = element("code")
    display: _Text = element("display")


class ConceptObject(CodingObject):
    """A concept: a code, a text, or both."""

    text: _Text = element("text")


@dataclass(frozen=True)
class _Coded(Shortened):
    """The base of kinds with a usual system, from which `displays` has the codes and their texts.

    Without one, a value is a text.
    """

    system: str = ""
    displays: Mapping[str, str] = field(default_factory=dict, hash=False)

    def rule(self) -> Rule:
        long_form = self.long_form.shape()
        if not self.system:
            return Rule(TEXT.accepts, f"text, or {long_form}", TEXT.json_schema)
        return Rule(
            lambda plain: isinstance(plain, str) and plain in self.displays,
            f"one of {', '.join(self.displays)}, or {long_form}",
            {"type": "string", "enum": [*self.displays]},
            "code-invalid",
        )

    def expanded(self, plain: Any) -> Any:
        if not isinstance(plain, str):
            return plain
        if not self.system:
            return {"text": plain}
        return {"system": self.system, "code": plain, "display": self.displays[plain]}

    def _is_usual(self, coding: Json) -> bool:
        return coding.get("system") == self.system and coding.get("code") in self.displays


class Coding(_Coded):
    """A Coding: a code of its usual system stands alone, any other is an object."""

    long_form: ClassVar = CodingObject

    def from_fhir(self, value: Json) -> Any:
        return value["code"] if self._is_usual(value) else CodingObject.from_fhir(value)

    def to_fhir(self, plain: Any, old: Json | None) -> Json:
        return _coding(self.expanded(plain), {} if isinstance(plain, str) else old or {})


class Concept(_Coded):
    """A CodeableConcept: text, or a code of its usual system, stands alone; others are objects."""

    long_form: ClassVar = ConceptObject

    def from_fhir(self, value: Json) -> Any:
        coding, text = (value.get("coding") or [{}])[0], value.get("text")
        if self._is_usual(coding) and text is None:
            return coding["code"]
        parts = CodingObject.from_fhir(coding) if coding else None
        if parts is None and not self.system:
            return text
        return {**(parts or {}), **({} if text is None else {"text": text})} or None

    def to_fhir(self, plain: Any, old: Json | None) -> Json:
        if isinstance(plain, str) and self.system:
            return {"coding": [self.expanded(plain)]}
        plain, stored = self.expanded(plain), old or {}
        before = stored.get("coding") or [{}]
        coding = _coding(plain, before[0])
        # The other codings are translations of the first: they stay as long as it does.
        others = before[1:] if coding and _is_same(before[0], coding) else []
        kept = {name: part for name, part in stored.items() if name not in ("coding", "text")}
        text = {} if plain.get("text") is None else {"text": plain["text"]}
        return {**kept, **({"coding": [coding, *others]} if coding else {}), **text}


def _is_same(old: Json, new: Json) -> bool:
    return bool(old) and all(old.get(name) == new.get(name) for name in _IDENTITY)


def _coding(plain: Json, old: Json) -> Json:
    """Return a FHIR Coding. It keeps the old one's other elements if the code is the same."""
    return CodingObject.to_fhir(plain, old if _is_same(old, plain) else None)
