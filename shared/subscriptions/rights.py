"""The rights of who made a Subscription: stored as JSON, and evaluated when something is sent."""

from typing import Any

import orjson

from shared.access.authorization import authorize
from shared.access.caller import Caller, Predicate
from shared.access.scopes import Scope
from shared.access.visibility import Children, Header, Visibility
from shared.catalog.interactions import BY_ROUTE
from shared.errors import Forbidden
from shared.search.query import constraints
from shared.settings import settings
from shared.store.records import VersionedRecord

_READ = BY_ROUTE["GET /{type}/{id}"]
_TEXTS = ("subject", "client", "fhir_user", "own_reference", "launch_patient")
_SETS = ("roles", "patients", "other_related_persons")


def dumps(caller: Caller) -> str:
    """Return a caller as JSON: who they are, and by which roles and scopes they may read."""
    fields: dict[str, Any] = {name: getattr(caller, name) for name in _TEXTS}
    fields |= {name: sorted(getattr(caller, name)) for name in _SETS}
    fields = {name: value for name, value in fields.items() if value}
    if caller.scopes is not None:
        fields["scopes"] = [
            [scope.context, scope.type, scope.letters, scope.constraint] for scope in caller.scopes
        ]
    return orjson.dumps(fields).decode()


def subject(text: str) -> str:
    """Return the subject of the caller that `dumps` has written."""
    return str(orjson.loads(text).get("subject", ""))


def loads(text: str, tenant: str) -> Caller:
    """Return the caller that `dumps` has written.

    The patients of a related person are those that the directory links them to now.
    """
    fields = orjson.loads(text)
    scopes = fields.get("scopes")
    known: dict[str, Any] = {name: fields.get(name, "") for name in _TEXTS}
    known |= {name: frozenset(fields.get(name, ())) for name in _SETS}
    caller = Caller(
        **known,
        tenant=tenant,
        scopes=None if scopes is None else tuple(_scope(*parts) for parts in scopes),
        constraint_predicate=_predicate,
    )
    if not caller.is_related_person:
        return caller
    from shared.references import families  # noqa: PLC0415 - only related persons have links

    return families.with_patients(caller)


def _scope(context: str, resource_type: str, letters: str, constraint: list[list[str]]) -> Scope:
    return Scope(
        context, resource_type, letters, tuple((name, value) for name, value in constraint)
    )


def _predicate(resource_type: str, scope: Scope) -> Predicate | None:
    return constraints.predicate(resource_type, scope.constraint, settings().zone)


def see(
    caller: Caller,
    current: VersionedRecord,
    version: VersionedRecord,
    *,
    header: Header | None = None,
    children: Children | None = None,
) -> bool:
    """Return whether a caller may read a resource, both as it is now and in a version.

    `header` and `children` replace the reading of stored resources, for several callers at once.
    """
    try:
        reader = authorize(caller, _READ, current.type)
    except Forbidden:
        return False
    visibility = Visibility(reader, "r", header=header, children=children)
    return visibility.sees_record(current) and (
        version is current or visibility.sees_record(version, is_past=True)
    )
