"""Plain forms of Reference: an id if the type is clear, a name if there may be no resource."""

# ruff: noqa: ARG002, D102 - the methods, and their arguments, are documented in Kind

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.errors import Issue
from shared.fhir import references
from shared.fhir.references import Local
from shared.plain.kinds import Whole, is_text
from shared.plain.parts import parts_wrong, picked, shape

type Json = dict[str, Any]

REFERENCE = {"reference": "string", "display": "string"}
_URL = re.compile(r"(https?://|urn:)\S+", re.IGNORECASE)


@dataclass(frozen=True)
class Id(Whole):
    """A Reference, shown as an id alone if it is to the usual type, and else as it is.

    `types` are the types that the field shows. Without a usual type, the reference always names its
    type. A `typed` field leaves references without a type (`urn:uuid:...`) to another field of the
    same element.
    """

    usual: str
    types: tuple[str, ...]
    typed: bool = False

    def read(self, value: Json) -> str | None:
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

    def write(self, plain: str, old: Any) -> Json:
        is_id = references.is_id(plain, self.usual)
        return {"reference": f"{self.usual}/{plain}" if is_id else plain}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not isinstance(plain, str) or not self._accepts(plain):
            forms = " or ".join(f"{type_name}/id" for type_name in self.types)
            bare_id = "an id, " if self.usual else ""
            yield Issue("value", f"Must be {bare_id}{forms} or a URL", pointer)

    def _accepts(self, text: str) -> bool:
        if references.is_id(text, self.usual):
            return True
        reference = references.parse(text)
        return reference is not None and self._shows(reference)

    def _shows(self, reference: references.Reference | None) -> bool:
        """Return whether the field shows a reference, judging by the type that it names, if any."""
        if reference and reference.type:
            return reference.type in self.types
        return not self.typed


@dataclass(frozen=True)
class Named(Whole):
    """A Reference whose target may have no resource: a name, `Type/id`, or an object with both."""

    types: tuple[str, ...]

    def read(self, value: Json) -> Any:
        parts = picked(value, *REFERENCE)
        if len(parts) == 1:
            ((name, text),) = parts.items()
            if self._is_reference(text) is (name == "reference"):
                return text
        return parts or None

    def write(self, plain: Any, old: Json | None) -> Json:
        given = picked(self.spread(plain), *REFERENCE)
        is_same = old is not None and old.get("reference", "") == given.get("reference")
        kept = {name: part for name, part in (old or {}).items() if name not in REFERENCE}
        return {**(kept if is_same else {}), **given}

    def spread(self, plain: Any) -> Any:
        if not isinstance(plain, str):
            return plain
        return {"reference" if self._is_reference(plain) else "display": plain}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if isinstance(plain, dict):
            yield from parts_wrong(plain, REFERENCE, pointer)
        elif not is_text(plain):
            forms = " or ".join(f"{type_name}/id" for type_name in self.types)
            text = f"Must be text, {forms}, or an object {shape(REFERENCE)}"
            yield Issue("value", text, pointer)

    def _is_reference(self, text: str) -> bool:
        """Return whether a text is meant as a reference. Validation decides whether it is valid."""
        type_name, slash, _ = text.partition("/")
        return (bool(slash) and type_name in self.types) or _URL.fullmatch(text) is not None
