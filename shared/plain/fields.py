"""Fields of a plain object: reading them from FHIR, and writing them into what FHIR has there.

Only what a change says otherwise than it is shown is written: all else stays as it is stored.
"""

# ruff: noqa: ARG002, D102 - Kind says what Group does

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from shared.errors import Invalid, Issue
from shared.fhirjson import canonical
from shared.plain import paths
from shared.plain.kinds import Kind, escaped
from shared.resources.patching import merge
from shared.resources.values import copied

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


def _value_wrong(field: Field, value: Any, here: str) -> Iterator[Issue]:
    return field.kind.wrong(value, here)


def _array_wrong(field: Field, value: Any, here: str) -> Iterator[Issue]:
    if not isinstance(value, list):
        yield Issue("structure", "An array is expected here", here)
        return
    for place, each in enumerate(value):
        yield from field.kind.wrong(each, f"{here}/{place}")


def patched(fields: Fields, before: Json, changes: Json) -> Json:
    """Give a plain object as a merge patch makes it of what is shown.

    Where of a first and all of them one is named, the other follows it.
    https://www.rfc-editor.org/rfc/rfc7396
    """
    shown = read(fields, before)
    merged: Json = merge(shown, changes)
    for field in fields:
        named = [name for name in field.names if name in changes]
        if field.plural and len(named) == 1:
            merged.pop(field.name if named == [field.plural] else field.plural, None)
        if field.plural in shown and named == [field.name] and field.name in merged:
            merged[field.plural] = [merged[field.name], *shown[field.plural][1:]]
    return merged


def changed(fields: Fields, before: Json, given: Json) -> Json:
    """Give an object as it is when its fields are those given, and no others.

    Raises Invalid naming the fields that contradict each other.
    """
    shown = read(fields, before)
    after: Json = copied(before)
    given = _chosen(fields, after, given)
    issues: list[Issue] = []
    for field in fields:
        try:
            if field.repeats:
                _change_items(field, after, given)
            elif not field.read_only:
                _change(field, after, shown.get(field.name), given.get(field.name))
        except Invalid as error:
            issues += error.issues
    if issues:
        raise Invalid(issues=issues)
    return after


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are the same, digit for digit."""
    return canonical(a) == canonical(b)


def _chosen(fields: Fields, after: Json, given: Json) -> Json:
    """Take what else a choice was made of out of an object, and out of the fields given for it."""
    shown = read(fields, after)
    for stem in {field.choice for field in fields if field.choice}:
        named = {field.name: field.path for field in fields if field.choice == stem}
        new = {name for name in named if given.get(name) is not None}
        new = {name for name in new if not same(given[name], shown.get(name))}
        if new:
            given = {name: each for name, each in given.items() if name not in {*named} - new}
            kept = {named[name] for name in new}
            for name in [name for name in after if re.fullmatch(rf"_?{stem}[A-Z]\w*", name)]:
                if name.removeprefix("_") not in kept:
                    del after[name]
    return given


def _change(field: Field, after: Json, shown: Any, plain: Any) -> None:
    """Change what a field says otherwise than it was shown, whatever another has done to it."""
    there = paths.get(after, field.path)
    if plain is None and (field.stays or field.default is not None):
        plain = shown
    if plain is None and there is None:
        plain = field.default
    if not same(plain, shown):
        left = field.kind.without(there) if plain is None else field.kind.write(plain, there)
        paths.put(after, field.path, left)


def _change_items(field: Field, after: Json, given: Json) -> None:
    """Change what a field shows of an array; what it does not show stays in its place."""
    olds = dict(field.items(after))
    wanted = _wanted(field, [*olds.values()], given)
    if field.read_only or same(wanted, [*olds.values()]):
        return
    array = paths.get(after, field.path) or []
    made = iter(_made(field, array, olds, wanted))
    kept = [next(made, None) if place in olds else each for place, each in enumerate(array)]
    paths.put(after, field.path, [each for each in kept if each is not None] + [*made])


def _wanted(field: Field, shown: list[Any], given: Json) -> list[Any]:
    """Give all that a field is to show. Raises Invalid where the first and all contradict."""
    first, every = given.get(field.name), given.get(field.plural) or []
    if field.many:
        return first or []
    if first is None:
        return every
    if not every:
        return [first, *shown[1:]]
    if same(first, every[0]) or (shown and same(first, shown[0])):
        return every
    if same(every, shown):
        return [first, *every[1:]]
    text = f"The first of {field.plural} is not what {field.name} says: send one of both"
    raise Invalid(text, expression=f"#/{field.plural}/0")


def _made(field: Field, array: list[Any], olds: dict[int, Any], wanted: list[Any]) -> Iterator[Any]:
    """Make the elements; what is shown as before stays, what replaces another keeps the rest."""
    free, kept = dict(olds), dict[int, int]()
    for number, plain in enumerate(wanted):
        place = next((place for place, shown in free.items() if same(shown, plain)), None)
        if place is not None:
            kept[number] = place
            del free[place]
    for number, (plain, own) in enumerate(zip_longest(wanted, olds)):
        if number in kept:
            yield array[kept[number]]
        elif number < len(wanted):
            yield field.kind.write(plain, array[own] if own in free else None)


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


@dataclass(frozen=True)
class Group:
    """An object with fields of its own on both sides."""

    fields: tuple[Field, ...]

    def read(self, value: Json) -> Json | None:
        return read(self.fields, value) or None

    def write(self, plain: Json, old: Json | None) -> Json:
        return changed(self.fields, old or {}, plain)

    def without(self, old: Any) -> Any:
        return None

    def wrong(self, plain: Any, pointer: str) -> Iterator[Issue]:
        yield from wrong(self.fields, plain, pointer)
        if isinstance(plain, dict) and all(each is None for each in plain.values()):
            known = ", ".join(field.name for field in self.fields)
            yield Issue("value", f"One of {known} is expected here", pointer)

    def places(self, value: Any, path: str, pointer: str) -> Iterator[tuple[str, str]]:
        yield path, pointer
        yield from places(self.fields, value or {}, path, pointer)
