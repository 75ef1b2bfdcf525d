"""A resource as its collection shows it, and as a change of what is shown makes it."""

from collections.abc import Iterator
from typing import Any

from shared.errors import Invalid, Issue
from shared.plain import changing, fields, paths
from shared.plain.changing import same
from shared.plain.collections.rows import Collection
from shared.plain.fields import Field
from shared.plain.kinds import says_nothing

type Json = dict[str, Any]

_ALL = "#"


def shown(collection: Collection, resource: Json) -> Json:
    """Give a resource plainly."""
    return fields.read(collection.every_field, resource)


def made(collection: Collection, body: Any, **own: str) -> Json:
    """Give the resource that a body describes, with the `id` of its own if it has one.

    Raises Invalid naming each field that is wrong.
    """
    return replaced(collection, {"resourceType": collection.type, **own}, body)


def replaced(collection: Collection, before: Json, body: Any) -> Json:
    """Return a resource with the fields of a body and no others; what no field shows stays.

    Raises Invalid naming each field that is wrong.
    """
    return _changed(collection, before, body, body)


def merged(collection: Collection, before: Json, body: Any) -> Json:
    """Return a resource with the fields of a body as a merge patch. Raises Invalid as above."""
    if not isinstance(body, dict):
        return replaced(collection, before, body)
    after = changing.patched(collection.every_field, before, body)
    return _changed(collection, before, after, body)


def _names(body: Any) -> list[str]:
    return [*body] if isinstance(body, dict) else []


def _changed(collection: Collection, before: Json, given: Any, body: Any) -> Json:
    every = collection.every_field
    if not isinstance(given, dict):
        raise Invalid(issues=[*fields.wrong(every, given)])
    there = fields.read(every, before)
    new = {name: each for name, each in given.items() if not same(each, there.get(name))}
    issues = [*fields.wrong(every, _asked(body, new))]
    if "id" in before and given.get("id") not in (None, before["id"]):
        issues.append(Issue("invalid", "The id is not that of the path", f"{_ALL}/id"))
    issues += _missing(every, before, given)
    if issues:
        raise Invalid(issues=issues)
    return changing.changed(every, before, given)


def _asked(body: Json, new: Json) -> Json:
    """Return what is new, and null for all else that a body names: that must be a field, too."""
    asked = dict.fromkeys(body) | new
    for name, each in body.items():
        if each and isinstance(each, dict):
            value = {} if asked[name] is None else asked[name]
            asked[name] = dict.fromkeys(each) | value if isinstance(value, dict) else value
    return asked


def _missing(every: tuple[Field, ...], before: Json, given: Json) -> Iterator[Issue]:
    """Name what is needed and left out; what is there but cannot be shown stays."""
    there = fields.read(every, before)
    for field in every:
        is_hidden = paths.is_there(before, field.path) and field.name not in there
        if field.required and says_nothing(given.get(field.name)) and not is_hidden:
            yield Issue("required", "This field is needed", f"{_ALL}/{field.name}")


def pointer(collection: Collection, resource: Json, body: Any, expression: str) -> str:
    """Give the JSON Pointer of the field that shows what a FHIRPath names, where one does.

    `resource` is what was refused, made of the body.
    """
    every, found = collection.every_field, dict[str, str]()
    for path, its in fields.places(every, resource, collection.type, _ALL, _names(body)):
        if paths.is_within(expression, path):
            found.setdefault(path, its)
    return found[max(found, key=len)] if found else expression
