"""Mapping between resources and the plain objects of their collections."""

from collections.abc import Iterator
from typing import Any

from shared.errors import Invalid, Issue
from shared.plain import changing, fields, paths
from shared.plain.changing import same
from shared.plain.collections.rows import Collection
from shared.plain.fields import Field
from shared.plain.kinds import says_nothing

type Json = dict[str, Any]

_ROOT = "#"


def shown(collection: Collection, resource: Json) -> Json:
    """Return the plain object of a resource."""
    return fields.read(collection.every_field, resource)


def made(collection: Collection, body: Any, **own: str) -> Json:
    """Return a new resource with the fields of a body, and with the `id` in `own`, if any.

    Raises Invalid naming each field that is wrong.
    """
    return replaced(collection, {"resourceType": collection.type, **own}, body)


def replaced(collection: Collection, before: Json, body: Any) -> Json:
    """Return a resource with the fields of a body and no others; what no field shows is kept.

    Raises Invalid naming each field that is wrong.
    """
    return _changed(collection, before, body, body)


def merged(collection: Collection, before: Json, body: Any) -> Json:
    """Return a resource changed by a body as a merge patch.

    Raises Invalid naming each field that is wrong.
    """
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
    shown = fields.read(every, before)
    new = {name: value for name, value in given.items() if not same(value, shown.get(name))}
    issues = [*fields.wrong(every, _to_validate(body, new))]
    if "id" in before and given.get("id") not in (None, before["id"]):
        issues.append(Issue("invalid", "The id differs from the one in the path", f"{_ROOT}/id"))
    issues += _missing(every, before, given)
    if issues:
        raise Invalid(issues=issues)
    return changing.changed(every, before, given)


def _to_validate(body: Json, new: Json) -> Json:
    """Return the new values, and null for everything else that a body names.

    Unchanged values may be invalid, but every name must be one of a field.
    """
    values = dict.fromkeys(body) | new
    for name, part in body.items():
        if part and isinstance(part, dict):
            value = {} if values[name] is None else values[name]
            values[name] = dict.fromkeys(part) | value if isinstance(value, dict) else value
    return values


def _missing(every: tuple[Field, ...], before: Json, given: Json) -> Iterator[Issue]:
    """Yield an issue for each required field without a value.

    A stored value without a plain form counts as one, because it is kept.
    """
    shown = fields.read(every, before)
    for field in every:
        is_hidden = paths.is_there(before, field.path) and field.name not in shown
        if field.required and says_nothing(given.get(field.name)) and not is_hidden:
            yield Issue("required", "This field is required", f"{_ROOT}/{field.name}")


class Pointers:
    """Maps FHIRPaths in a resource to the fields of the body that it was made of."""

    def __init__(self, collection: Collection, resource: Json, body: Any) -> None:
        """Collect the places once for all issues: there are as many as the body has values."""
        self._pointers: dict[str, str] = {}
        every = collection.every_field
        for path, pointer in fields.places(every, resource, collection.type, _ROOT, _names(body)):
            self._pointers.setdefault(path, pointer)

    def of(self, expression: str) -> str:
        """Return the JSON Pointer of the field that shows the element of a FHIRPath.

        If no field shows it, return the FHIRPath.
        """
        path = expression
        while path and path not in self._pointers:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._pointers.get(path, expression)
