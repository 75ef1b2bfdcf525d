"""Plain forms of FHIR objects, such as Period, as objects with fields of their own."""

# ruff: noqa: ARG002, D102 - the methods, and their arguments, are documented in Kind

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.errors import Issue
from shared.plain.changing import changed
from shared.plain.fields import Field, places, read, wrong

type Json = dict[str, Any]


@dataclass(frozen=True)
class Group:
    """A FHIR object, shown as an object with fields of its own."""

    fields: tuple[Field, ...]

    def read(self, value: Json) -> Json | None:
        return read(self.fields, value) or None

    def write(self, plain: Json, old: Json | None) -> Json:
        return changed(self.fields, old or {}, plain)

    def without(self, old: Any) -> Any:
        return None

    def spread(self, plain: Any) -> Any:
        return plain

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from wrong(self.fields, plain, pointer)
        if plain == {}:
            names = [field.name for field in self.fields]
            yield Issue("value", f"Must have at least one of {', '.join(names)}", pointer)

    def places(self, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        yield path, pointer
        yield from places(self.fields, value or {}, path, pointer)
