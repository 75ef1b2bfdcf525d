"""The resource that a write is about: the one of an id, or the one that a query matches.

https://hl7.org/fhir/R4/http.html#cond-update
"""

from collections.abc import Sequence
from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import Conflict, Invalid, NotFound
from shared.fhir.references import Literal

type Resource = dict[str, Any]
type Pair = tuple[str, str]


def named_or_matching(
    work: AuditedUnitOfWork,
    resource_type: str,
    resource_id: str,
    query: Sequence[Pair],
    *,
    claimed: bool = False,
) -> Literal | None:
    """Return the resource of an id, or if that is empty the one that a query matches, if any.

    With `claimed` the caller creates the resource if there is none. Raises PreconditionFailed if
    the query matches several.
    """
    if resource_id:
        return Literal(resource_type, resource_id)
    from shared.references.conditional import find_match  # noqa: PLC0415 - few writes search

    return find_match(work, resource_type, query, claimed=claimed)


def patch_target(
    work: AuditedUnitOfWork, resource_type: str, resource_id: str, query: Sequence[Pair]
) -> Literal:
    """Return the resource that a patch changes. Raises NotFound and PreconditionFailed."""
    target = named_or_matching(work, resource_type, resource_id, query)
    if target is None:
        raise NotFound(f"The query matches no {resource_type}")
    return target


def update_target(
    work: AuditedUnitOfWork, resource: Resource, resource_id: str, query: Sequence[Pair]
) -> Literal | None:
    """Return the resource that an update writes, None if it creates one under a new id.

    Raises Invalid if the body has another id than the resource, PreconditionFailed if the query
    matches several, and Conflict if it matches none but the body's id is already taken.
    """
    resource_type = resource["resourceType"]
    target = named_or_matching(work, resource_type, resource_id, query, claimed=True)
    if target:
        check_id(resource if resource_id else {"id": target.id} | resource, target.id)
    if target or "id" not in resource:
        return target
    target = Literal(resource_type, resource["id"])
    existing = work.resource(*target)
    if existing and not existing.deleted and work.visibility.sees_record(existing):
        raise Conflict(
            f"{target} already exists, but the query does not match it",
            expression=f"{resource_type}.id",
        )
    return target


def check_id(resource: Resource, resource_id: str) -> None:
    """Raise Invalid if a body's id is missing, or is not that of the resource being written."""
    if resource.get("id") != resource_id:
        raise Invalid(
            f"The body must have the id of the resource, {resource_id}",
            expression=f"{resource['resourceType']}.id",
        )
