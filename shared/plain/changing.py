"""What a change of a plain object makes of what FHIR has there.

Only what it says otherwise than it was shown is written: all else stays as it is stored.
"""

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from shared.errors import Invalid, Issue
from shared.fhirjson import canonical
from shared.plain import paths
from shared.plain.fields import Field, Fields, read
from shared.plain.kinds import says_nothing
from shared.resources.pairs import positions
from shared.resources.patching import merge
from shared.resources.values import copied

type Json = dict[str, Any]


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are the same, digit for digit."""
    return canonical(a) == canonical(b)


def patched(fields: Fields, before: Json, changes: Json) -> Json:
    """Return a plain object as a merge patch makes it of what is shown.

    What is shown as a text is patched as the object that it stands for. Where of a first and all of
    them one is named, the other follows it.
    https://www.rfc-editor.org/rfc/rfc7396
    """
    shown = read(fields, before)
    merged: Json = merge(_spread(fields, shown, changes), changes)
    for name, change in changes.items():
        if merged.get(name) == {} and says_nothing(change):
            merged[name] = copied(change)  # it has lost all that it said
    for field in fields:
        named = [name for name in field.names if name in changes]
        if field.plural and len(named) == 1:
            merged.pop(field.name if named == [field.plural] else field.plural, None)
        if field.plural in shown and named == [field.name] and field.name in merged:
            merged[field.plural] = [merged[field.name], *shown[field.plural][1:]]
    return merged


def _spread(fields: Fields, shown: Json, changes: Json) -> Json:
    """Return what is shown, with an object in place of each text of which a part is changed."""
    kinds = {field.name: field.kind for field in fields if not field.many}
    parts = {name for name, each in changes.items() if each and isinstance(each, dict)}
    return shown | {
        name: kinds[name].spread(shown[name]) for name in parts & shown.keys() & {*kinds}
    }


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


def _chosen(fields: Fields, after: Json, given: Json) -> Json:
    """Take what else a choice was made of out of an object, and out of the fields given for it."""
    shown = read(fields, after)
    for stem in {field.choice for field in fields if field.choice}:
        named = {field.name: field.path for field in fields if field.choice == stem}
        new = {name for name in named if not says_nothing(given.get(name))}
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
    if plain is None and not paths.is_there(after, field.path):
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
    paths.put(after, field.path, [each for each in [*kept, *made] if each])


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
    own_places, by_text = [*olds], positions(map(canonical, olds.values()))
    kept: dict[int, int] = {}
    for number, plain in enumerate(wanted):
        if matching := by_text.get(canonical(plain)):
            kept[number] = own_places[matching.popleft()]
    free = olds.keys() - kept.values()
    for number, (plain, own) in enumerate(zip_longest(wanted, olds)):
        if number in kept:
            yield array[kept[number]]
        elif number < len(wanted):
            yield field.kind.write(plain, array[own] if own in free else None)
