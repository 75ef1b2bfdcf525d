"""Fields of a plain object: the FHIR elements that they show, and reading their values."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.plain import paths
from shared.plain.kinds import Kind, Value

type Json = dict[str, Any]


_ANY = Value()


@dataclass(frozen=True)
class Field:
    """A field for the element at `path` below the object that has the fields.

    An element that `repeats` has its first value in this field, or all values if the field is
    `many`. If there are several, a field named `plural` holds all of them beside the first.
    `choice` is the stem of a choice element, which has a value of one type only. If a field is left
    out that `stays` or has a default, the stored value is kept, and the default is written if there
    is none.
    """

    path: str
    repeats: bool = False
    choice: str = ""
    stays: bool = False
    required: bool = False
    read_only: bool = False
    name: str = ""
    kind: Kind = _ANY
    plural: str = ""
    many: bool = False
    default: Any = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the field and of its plural, if it has one."""
        return (self.name, self.plural) if self.plural else (self.name,)

    def items(self, value: Json) -> list[tuple[int, Any]]:
        """Return the values that it shows of a repeating element, each with its array index."""
        plains = enumerate(map(self.kind.from_fhir, paths.get(value, self.path) or ()))
        return [(place, plain) for place, plain in plains if plain is not None]


type Fields = Sequence[Field]


def from_fhir(fields: Fields, value: Json) -> Json:
    """Return the plain object that shows a FHIR object, with the fields that have a plain form."""
    shown: Json = {}
    for field in fields:
        if field.repeats:
            plains = [plain for _, plain in field.items(value)]
            shown[field.name] = plains if field.many else next(iter(plains), None)
            shown |= {field.plural: plains} if field.plural and len(plains) > 1 else {}
        else:
            element = paths.get(value, field.path)
            shown[field.name] = None if element is None else field.kind.from_fhir(element)
    return {name: plain for name, plain in shown.items() if plain not in (None, [])}


def pointers(
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
            yield from field.kind.pointers(
                paths.get(value, field.path)[place], f"{here}[{place}]", f"{pointer}/{token}"
            )
        yield here, f"{pointer}/{name}"
        for ancestor in paths.ancestors(field.path):
            yield f"{path}.{ancestor}", f"{pointer}/{name}"
        if field.choice:
            yield f"{path}.{field.choice}", f"{pointer}/{name}"
        element = paths.get(value, field.path)
        if element is not None and not field.repeats:
            yield from field.kind.pointers(element, here, f"{pointer}/{name}")
