"""References: an id where the type is clear, a name where there may be no resource."""

# ruff: noqa: ARG002, D102 - Kind says what each does, and with what

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared import references
from shared.errors import Issue
from shared.plain.kinds import Whole, is_text
from shared.plain.parts import parts_wrong, picked, shape
from shared.references import Local

type Json = dict[str, Any]

REFERENCE = {"reference": "string", "display": "string"}
_URL = re.compile(r"(https?://|urn:)\S+", re.IGNORECASE)


@dataclass(frozen=True)
class Id(Whole):
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
        named = references.read(text)
        if not self._belongs(named):
            return None
        if not isinstance(named, Local):
            return text
        return named.target.id if named.type == self.usual else str(named.target)

    def write(self, plain: str, old: Any) -> Json:
        bare = references.is_id(plain, self.usual)
        return {"reference": f"{self.usual}/{plain}" if bare else plain}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if not isinstance(plain, str) or not self._takes(plain):
            named = " or ".join(f"{each}/id" for each in self.types)
            bare = "an id, " if self.usual else ""
            yield Issue("value", f"Expected here is {bare}{named} or a URL", pointer)

    def _takes(self, text: str) -> bool:
        if references.is_id(text, self.usual):
            return True
        named = references.read(text)
        return named is not None and self._belongs(named)

    def _belongs(self, named: references.Named | None) -> bool:
        """Return whether a reference is one of this field, as far as it says its type."""
        return named.type in self.types if named and named.type else not self.typed


@dataclass(frozen=True)
class Named(Whole):
    """A Reference to what may have no resource: its name as text, `Type/id`, or an object."""

    types: tuple[str, ...]

    def read(self, value: Json) -> Any:
        said = picked(value, *REFERENCE)
        if len(said) == 1:
            ((name, text),) = said.items()
            if self._is_reference(text) is (name == "reference"):
                return text
        return said or None

    def write(self, plain: Any, old: Json | None) -> Json:
        given = picked(self.spread(plain), *REFERENCE)
        is_same = old is not None and old.get("reference", "") == given.get("reference")
        kept = {n: each for n, each in (old or {}).items() if n not in REFERENCE}
        return {**(kept if is_same else {}), **given}

    def spread(self, plain: Any) -> Any:
        if not isinstance(plain, str):
            return plain
        return {"reference" if self._is_reference(plain) else "display": plain}

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        if isinstance(plain, dict):
            yield from parts_wrong(plain, REFERENCE, pointer)
        elif not is_text(plain):
            named = " or ".join(f"{each}/id" for each in self.types)
            text = f"Expected here is text, {named}, or an object {shape(REFERENCE)}"
            yield Issue("value", text, pointer)

    def _is_reference(self, text: str) -> bool:
        """Return whether a text is meant as a reference; whether it is one, R4 says."""
        kind, slash, _ = text.partition("/")
        return (bool(slash) and kind in self.types) or _URL.fullmatch(text) is not None
