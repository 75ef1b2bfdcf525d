"""Fields of a plain object: reading their values from FHIR, and validating those sent."""

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
    """A field named `name`, for the element at `path` below the object that has the fields.

    For an element that repeats, `plural` names a second field that holds all values if there are
    several, beside this one with the first value. With `many` this field itself holds all values,
    and with `first` it holds only the first. `choice` is the stem of a choice element, which has a
    value of one type only. If a field is left out that `stays` or has a default, the stored value
    is kept, and the default is written if there is none.
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
        """Whether the element of the field repeats."""
        return self.many or self.first or bool(self.plural)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the field and of its plural, if it has one."""
        return (self.name, self.plural) if self.plural else (self.name,)

    def items(self, value: Json) -> list[tuple[int, Any]]:
        """Return the values that it shows of a repeating element, each with its array index."""
        plains = enumerate(map(self.kind.read, paths.get(value, self.path) or ()))
        return [(place, plain) for place, plain in plains if plain is not None]


type Fields = Sequence[Field]


def read(fields: Fields, value: Json) -> Json:
    """Return the plain object that shows a FHIR object, with the fields that have a plain form."""
    shown: Json = {}
    for field in fields:
        if field.repeats:
            plains = [plain for _, plain in field.items(value)]
            shown[field.name] = plains if field.many else next(iter(plains), None)
            shown |= {field.plural: plains} if field.plural and len(plains) > 1 else {}
        else:
            element = paths.get(value, field.path)
            shown[field.name] = None if element is None else field.kind.read(element)
    return {name: plain for name, plain in shown.items() if plain not in (None, [])}


def wrong(fields: Fields, given: Any, pointer: str = "#") -> Iterator[Issue]:
    """Yield an issue for each field that does not exist or has an invalid value."""
    if not isinstance(given, dict):
        yield Issue("structure", "Must be an object", pointer)
        return
    by_name = {name: field for field in fields for name in field.names}
    for name, value in given.items():
        here, field = f"{pointer}/{escaped(name)}", by_name.get(name)
        if field is None:
            yield Issue(
                "structure", f"There is no such field: the fields are {', '.join(by_name)}", here
            )
        elif value is not None and not field.read_only:
            is_array = field.many or name == field.plural
            yield from (
                _array_issues(field, value, here) if is_array else field.kind.wrong(value, here)
            )


def _array_issues(field: Field, value: Any, here: str) -> Iterator[Issue]:
    if not isinstance(value, list):
        yield Issue("structure", "Must be an array", here)
        return
    for place, plain in enumerate(value):
        yield from field.kind.wrong(plain, f"{here}/{place}")


def places(
    fields: Fields, value: Json, path: str, pointer: str, named: Container[str] = ()
) -> Iterator[tuple[str, str]]:
    """Yield FHIRPaths of the elements that fields show or would show, each with its JSON Pointer.

    If a field has a plural, the pointer names the one of the two that is in `named`.
    """
    for field in fields:
        here = f"{path}.{field.path}".rstrip(".")
        name = field.plural if field.plural in named and field.name not in named else field.name
        for number, (place, _) in enumerate(field.items(value) if field.repeats else ()):
            is_first = number == 0 and name != field.plural and not field.many
            token = name if is_first else f"{field.plural or field.name}/{number}"
            yield from field.kind.places(
                paths.get(value, field.path)[place], f"{here}[{place}]", f"{pointer}/{token}"
            )
        yield here, f"{pointer}/{name}"
        for ancestor in paths.above(field.path):
            yield f"{path}.{ancestor}", f"{pointer}/{name}"
        if field.choice:
            yield f"{path}.{field.choice}", f"{pointer}/{name}"
        element = paths.get(value, field.path)
        if element is not None and not field.repeats:
            yield from field.kind.places(element, here, f"{pointer}/{name}")
