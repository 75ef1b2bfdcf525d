"""Writing of a plain object into the FHIR object that it was read from.

Only fields whose value differs from the one shown are written. Everything else stays as stored.
"""

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from shared.errors import Invalid, Issue
from shared.fhir.fhirjson import canonical
from shared.fhir.json_values import deep_copy
from shared.fhir.validation.pairs import positions
from shared.plain import paths
from shared.plain.fields import Field, Fields, from_fhir
from shared.plain.kinds import says_nothing

type Json = dict[str, Any]


def same(a: Any, b: Any) -> bool:
    """Return whether two JSON values are the same, including the digits of numbers."""
    return canonical(a) == canonical(b)


def to_fhir(fields: Fields, plain: Json, before: Json) -> Json:
    """Return a FHIR object whose fields have the values of a plain object, and no others.

    Raises Invalid naming the fields that contradict each other.
    """
    shown = from_fhir(fields, before)
    after: Json = deep_copy(before)
    plain = _without_other_choices(fields, after, shown, plain)
    issues: list[Issue] = []
    for field in fields:
        try:
            if field.repeats:
                _write_items(field, after, plain)
            elif not field.read_only:
                _write(field, after, shown.get(field.name), plain.get(field.name))
        except Invalid as error:
            issues += error.issues
    if issues:
        raise Invalid(issues=issues)
    return after


def _without_other_choices(fields: Fields, after: Json, shown: Json, plain: Json) -> Json:
    """Return a plain object without the values that a new choice of a type replaces.

    A choice element such as `value[x]` has one type only. Its other types are removed from `after`.
    """
    for stem in {field.choice for field in fields if field.choice}:
        choices = {field.name: field.path for field in fields if field.choice == stem}
        new = {name for name in choices if not says_nothing(plain.get(name))}
        new = {name for name in new if not same(plain[name], shown.get(name))}
        if new:
            plain = {name: value for name, value in plain.items() if name not in {*choices} - new}
            kept = {choices[name] for name in new}
            for element in [name for name in after if re.fullmatch(rf"_?{stem}[A-Z]\w*", name)]:
                if element.removeprefix("_") not in kept:
                    del after[element]
    return plain


def _write(field: Field, after: Json, shown: Any, plain: Any) -> None:
    """Write a field's value if it differs from the one that was shown before any change."""
    current = paths.get(after, field.path)
    if plain is None and (field.stays or field.default is not None):
        plain = shown
    if plain is None and not paths.is_there(after, field.path):
        plain = field.default
    if not same(plain, shown):
        value = field.kind.cleared(current) if plain is None else field.kind.to_fhir(plain, current)
        paths.put(after, field.path, value)


def _write_items(field: Field, after: Json, plain: Json) -> None:
    """Write the elements of an array that a field shows; the others stay in their places."""
    olds = dict(field.items(after))
    wanted = _wanted(field, [*olds.values()], plain)
    if field.read_only or same(wanted, [*olds.values()]):
        return
    array = paths.get(after, field.path) or []
    elements = iter(_elements(field, array, olds, wanted))
    in_place = [
        next(elements, None) if place in olds else element for place, element in enumerate(array)
    ]
    paths.put(after, field.path, [element for element in [*in_place, *elements] if element])


def _wanted(field: Field, shown: list[Any], plain: Json) -> list[Any]:
    """Return all values that a field is to show.

    Raises Invalid if the field and its plural contradict each other.
    """
    first, every = plain.get(field.name), plain.get(field.plural) or []
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
    text = f"The first of {field.plural} differs from {field.name}: send only one of the two"
    raise Invalid(text, expression=f"#/{field.plural}/0")


def _elements(
    field: Field, array: list[Any], olds: dict[int, Any], wanted: list[Any]
) -> Iterator[Any]:
    """Yield the elements that show the values wanted.

    An element whose value was shown before stays unchanged. A new value is written over the element
    in its place, if that is free, and keeps what no field shows of it.
    """
    old_places, by_text = [*olds], positions(map(canonical, olds.values()))
    kept: dict[int, int] = {}
    for number, value in enumerate(wanted):
        if matching := by_text.get(canonical(value)):
            kept[number] = old_places[matching.popleft()]
    free = olds.keys() - kept.values()
    for number, (value, place) in enumerate(zip_longest(wanted, olds)):
        if number in kept:
            yield array[kept[number]]
        elif number < len(wanted):
            yield field.kind.to_fhir(value, array[place] if place in free else None)
