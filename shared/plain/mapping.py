"""Mapping between resources and the plain objects of their collections."""

from collections.abc import Iterator
from typing import Any

from shared.errors import Invalid, Issue
from shared.plain import fields, paths, writing
from shared.plain.collection import Collection
from shared.plain.kinds import says_nothing
from shared.plain.merging import merged
from shared.plain.validation import issues
from shared.plain.writing import same

type Json = dict[str, Any]

_ROOT = "#"


def from_fhir(collection: Collection, resource: Json) -> Json:
    """Return the plain object of a resource."""
    return fields.from_fhir(collection.every_field, resource)


def to_fhir(collection: Collection, body: Any, **own: str) -> Json:
    """Return a new resource with the fields of a body, and with the `id` in `own`, if any.

    Raises Invalid naming each field that is wrong.
    """
    return updated(collection, {"resourceType": collection.type, **own}, body)


def updated(collection: Collection, before: Json, body: Any) -> Json:
    """Return a resource with the fields of a body and no others; what no field shows is kept.

    Raises Invalid naming each field that is wrong.
    """
    return _written(collection, before, body, body)


def patched(collection: Collection, before: Json, body: Any) -> Json:
    """Return a resource changed by a body as a merge patch.

    Raises Invalid naming each field that is wrong.
    """
    if not isinstance(body, dict):
        return updated(collection, before, body)
    after = merged(collection.every_field, from_fhir(collection, before), body)
    return _written(collection, before, after, body)


def _written(collection: Collection, before: Json, plain: Any, body: Any) -> Json:
    if not isinstance(plain, dict):
        raise Invalid(issues=[*issues(collection.model, plain)])
    shown = from_fhir(collection, before)
    new = {name: value for name, value in plain.items() if not same(value, shown.get(name))}
    problems = [*issues(collection.model, _to_validate(body, new))]
    if "id" in before and plain.get("id") not in (None, before["id"]):
        problems.append(Issue("invalid", "The id differs from the one in the path", f"{_ROOT}/id"))
    problems += _missing(collection, before, shown, plain)
    if problems:
        raise Invalid(issues=problems)
    return writing.to_fhir(collection.every_field, plain, before)


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


def _missing(collection: Collection, before: Json, shown: Json, plain: Json) -> Iterator[Issue]:
    """Yield an issue for each required field without a value.

    A stored value without a plain form counts as one, because it is kept.
    """
    for field in collection.every_field:
        is_hidden = paths.is_there(before, field.path) and field.name not in shown
        if field.required and says_nothing(plain.get(field.name)) and not is_hidden:
            yield Issue("required", "This field is required", f"{_ROOT}/{field.name}")


class Pointers:
    """Maps FHIRPaths in a resource to the fields of the body that it was made of."""

    def __init__(self, collection: Collection, resource: Json, body: Any) -> None:
        """Collect the places once for all issues: there are as many as the body has values."""
        self._pointers: dict[str, str] = {}
        named = body if isinstance(body, dict) else {}
        for path, pointer in fields.pointers(
            collection.every_field, resource, collection.type, _ROOT, named
        ):
            self._pointers.setdefault(path, pointer)

    def of(self, expression: str) -> str:
        """Return the JSON Pointer of the field that shows the element of a FHIRPath.

        If no field shows it, return the FHIRPath.
        """
        path = expression
        while path and path not in self._pointers:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self._pointers.get(path, expression)
