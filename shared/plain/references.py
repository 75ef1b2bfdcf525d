"""Kinds of Reference: an id if the type is clear, a name if there may be no resource."""

# ruff: noqa: ARG002, D102 - the methods, and their arguments, are documented in Kind and Checked

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from shared.fhir import references
from shared.fhir.references import Local
from shared.plain.checks import TEXT, Rule
from shared.plain.kinds import Primitive, Value
from shared.plain.models import LongForm, Shortened, element

type Json = dict[str, Any]

_Text = Annotated[str, Primitive("string")]
_URL = re.compile(r"(https?://|urn:)\S+", re.IGNORECASE)


def _with_ids(types: tuple[str, ...]) -> str:
    return " or ".join(f"{type_name}/id" for type_name in types)


@dataclass(frozen=True)
class Id(Value):
    """A Reference, shown as an id alone if it is to the usual type, and else as it is.

    `types` are the types that the field shows. Without a usual type, the reference always names its
    type. A `typed` field leaves references without a type (`urn:uuid:...`) to another field of the
    same element.
    """

    usual: str
    types: tuple[str, ...]
    typed: bool = False

    @classmethod
    def to(cls, *types: str) -> Self:
        """Return the kind of a reference whose usual type is the first of the types."""
        return cls(types[0], types)

    def rule(self) -> Rule:
        forms = _with_ids(self.types)
        about = f"An id, or {forms}" if self.usual else forms
        expected = f"{'an id, ' if self.usual else ''}{forms} or a URL"
        return Rule(self._accepts, expected, {"type": "string", "description": about})

    def _accepts(self, plain: Any) -> bool:
        if not isinstance(plain, str):
            return False
        reference = references.parse(plain)
        is_shown = reference is not None and self._shows(reference)
        return is_shown or references.is_id(plain, self.usual)

    def from_fhir(self, value: Json) -> str | None:
        text = value.get("reference")
        if not isinstance(text, str):
            return None
        reference = references.parse(text)
        if not self._shows(reference):
            return None
        if not isinstance(reference, Local):
            return text
        target = reference.target
        return target.id if reference.type == self.usual else str(target)

    def to_fhir(self, plain: str, old: Any) -> Json:
        is_id = references.is_id(plain, self.usual)
        return {"reference": f"{self.usual}/{plain}" if is_id else plain}

    def _shows(self, reference: references.Reference | None) -> bool:
        """Return whether the field shows a reference, judging by the type that it names, if any."""
        if reference and reference.type:
            return reference.type in self.types
        return not self.typed


class ReferenceObject(LongForm):
    """A reference with the name of its target."""

    reference: _Text = element("reference")
    display: _Text = element("display")


@dataclass(frozen=True)
class Named(Shortened):
    """A Reference whose target may have no resource: a name, `Type/id`, or an object with both."""

    long_form: ClassVar = ReferenceObject
    types: tuple[str, ...]

    def rule(self) -> Rule:
        expected = f"text, {_with_ids(self.types)}, or {self.long_form.shape()}"
        return Rule(TEXT.accepts, expected, TEXT.json_schema)

    def from_fhir(self, value: Json) -> Any:
        parts = ReferenceObject.from_fhir(value) or {}
        if len(parts) == 1:
            ((name, text),) = parts.items()
            if self._is_reference(text) is (name == "reference"):
                return text
        return parts or None

    def to_fhir(self, plain: Any, old: Json | None) -> Json:
        plain = self.expanded(plain)
        is_same = old is not None and old.get("reference", "") == plain.get("reference")
        return ReferenceObject.to_fhir(plain, old if is_same else None)

    def expanded(self, plain: Any) -> Any:
        if not isinstance(plain, str):
            return plain
        return {"reference" if self._is_reference(plain) else "display": plain}

    def _is_reference(self, text: str) -> bool:
        """Return whether a text is meant as a reference. Validation decides whether it is valid."""
        type_name, slash, _ = text.partition("/")
        return (bool(slash) and type_name in self.types) or _URL.fullmatch(text) is not None
