"""Fields of a plain object: what they show of FHIR, and what is wrong with those that are sent."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import Issue
from shared.plain import paths
from shared.plain.kinds import Kind
from shared.plain.parts import escaped

type Json = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """A field `name`; `path` is the element's, below what the fields are of.

    Of an element that repeats, `plural` names the field that has them all where there are several,
    beside the one of the first, `many` tells that the field itself has them all, and `first` that
    it has the first alone. `choice` is the stem of an element of which there may be one type only.
    Where it is left out, one that `stays` or has a default is as it was, and the default is written
    where there was nothing.
    """

    name: str
    path: str
    kind: Kind
    about: str = ""
    plural: str = ""
    many: bool = False
    first: bool = False
    choice: str = ""
    default: Any = None
    stays: bool = False
    required: bool = False
    read_only: bool = False

    @property
    def repeats(self) -> bool:
        """Tell whether it is of an element that repeats."""
        return self.many or self.first or bool(self.plural)

    @property
    def names(self) -> tuple[str, ...]:
        """The names under which it is sent and shown."""
        return (self.name, self.plural) if self.plural else (self.name,)

    def items(self, value: Json) -> list[tuple[int, Any]]:
        """Give what of a repeating element it shows, with the place of each."""
        shown = enumerate(map(self.kind.read, paths.get(value, self.path) or ()))
        return [(place, each) for place, each in shown if each is not None]


type Fields = Sequence[Field]


def read(fields: Fields, value: Json) -> Json:
    """Give the fields of an object that can be said."""
    shown: Json = {}
    for field in fields:
        if field.repeats:
            found = [each for _, each in field.items(value)]
            shown[field.name] = found if field.many else next(iter(found), None)
            shown |= {field.plural: found} if field.plural and len(found) > 1 else {}
        else:
            there = paths.get(value, field.path)
            shown[field.name] = None if there is None else field.kind.read(there)
    return {name: each for name, each in shown.items() if each not in (None, [])}


def wrong(fields: Fields, given: Any, pointer: str = "#") -> Iterator[Issue]:
    """List each field that is none, or is not what it should be."""
    if not isinstance(given, dict):
        yield Issue("structure", "An object is expected here", pointer)
        return
    known = {name: field for field in fields for name in field.names}
    for name, value in given.items():
        here, field = f"{pointer}/{escaped(name)}", known.get(name)
        if field is None:
            yield Issue("structure", f"There is no such field; there are {', '.join(known)}", here)
        elif value is not None and not field.read_only:
            is_array = field.many or name == field.plural
            yield from (
                _array_wrong(field, value, here) if is_array else field.kind.wrong(value, here)
            )


def _array_wrong(field: Field, value: Any, here: str) -> Iterator[Issue]:
    if not isinstance(value, list):
        yield Issue("structure", "An array is expected here", here)
        return
    for place, each in enumerate(value):
        yield from field.kind.wrong(each, f"{here}/{place}")


def places(
    fields: Fields, value: Json, path: str, pointer: str, named: Container[str] = ()
) -> Iterator[tuple[str, str]]:
    """Give the pointer of each FHIRPath that fields show, and of what would be under their names.

    Of a first and all of them, it is the one that was `named`.
    """
    for field in fields:
        here = f"{path}.{field.path}".rstrip(".")
        name = field.plural if field.plural in named and field.name not in named else field.name
        for number, (place, _) in enumerate(field.items(value) if field.repeats else ()):
            is_first = number == 0 and name != field.plural and not field.many
            own = name if is_first else f"{field.plural or field.name}/{number}"
            yield from field.kind.places(
                paths.get(value, field.path)[place], f"{here}[{place}]", f"{pointer}/{own}"
            )
        yield here, f"{pointer}/{name}"
        for above in paths.above(field.path):
            yield f"{path}.{above}", f"{pointer}/{name}"
        if field.choice:
            yield f"{path}.{field.choice}", f"{pointer}/{name}"
        there = paths.get(value, field.path)
        if there is not None and not field.repeats:
            yield from field.kind.places(there, here, f"{pointer}/{name}")
