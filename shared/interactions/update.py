"""The interaction update: replacing a resource's content, or creating one under a client's id.

https://hl7.org/fhir/R4/http.html#update
"""

from collections.abc import Sequence
from typing import Any

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import Conflict, Invalid
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.fhir.references import Literal
from shared.interactions.create import create_new
from shared.interactions.write import Content, write
from shared.references import checks
from shared.rules.filled_elements import with_restored_elements
from shared.rules.status_history import with_status_history
from shared.sessions.changes import ChangeResult, commit_change
from shared.sessions.intake import validated_resource
from shared.settings import settings
from shared.store.records import EncounterRecord, VersionedRecord

type Resource = dict[str, Any]
type Pair = tuple[str, str]


def update(
    caller: Caller,
    resource_type: str,
    resource_id: str,
    body: Any,
    *,
    only_if: Preconditions = UNCONDITIONAL,
) -> ChangeResult:
    """Store the body as the resource's next version, or as its first.

    Raises Invalid if the body's id is missing or another.
    """
    resource, target = validated_resource(body, resource_type), Literal(resource_type, resource_id)
    check_id(resource, resource_id)
    return commit_change(
        caller,
        "update",
        lambda work: write(work, target, content_from_body(resource), only_if=only_if),
    )


def conditional_update(
    caller: Caller,
    resource_type: str,
    query: Sequence[Pair],
    body: Any,
    *,
    only_if: Preconditions = UNCONDITIONAL,
) -> ChangeResult:
    """Store the body as the next version of the one resource that a query matches, or as a new one.

    Raises PreconditionFailed if it matches several, Invalid if the body has another id than the
    match, and Conflict if it matches none and the body's id is already taken.
    """
    from shared.references.conditional import find_match  # noqa: PLC0415 - few updates search

    resource = validated_resource(body, resource_type)

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        match = find_match(work, resource_type, query, claimed=True)
        if match is None and "id" not in resource:
            return create_new(work, resource, only_if=only_if)
        target = conditional_update_target(work, match, resource)
        content = content_from_body(resource | {"id": target.id})
        return write(work, target, content, only_if=only_if)

    return commit_change(caller, "update", change)


def conditional_update_target(
    work: AuditedUnitOfWork, found: Literal | None, resource: Resource
) -> Literal:
    """Return what a conditional update writes: the match, or a new resource with the body's id.

    Raises Invalid if the body has another id than the match, and Conflict if there is no match but
    the body's id is already taken.
    """
    if found:
        check_id({"id": found.id} | resource, found.id)
        return found
    target = Literal(resource["resourceType"], resource["id"])
    existing = work.resource(*target)
    if existing and not existing.deleted and work.visibility.sees_record(existing):
        raise Conflict(
            f"{target} already exists, but the query does not match it",
            expression=f"{target.type}.id",
        )
    return target


def check_id(resource: Resource, resource_id: str) -> None:
    """Raise Invalid if a body's id is missing, or is not that of the resource being written."""
    if resource.get("id") != resource_id:
        raise Invalid(
            f"The body must have the id of the resource, {resource_id}",
            expression=f"{resource['resourceType']}.id",
        )


def content_from_body(resource: Resource) -> Content:
    """Return a function that makes a whole resource the next version."""

    def content(before: VersionedRecord | None, work: AuditedUnitOfWork) -> Resource:
        return with_previous_status(
            before, checks.resolve_conditionals(work, resource), work, keep_omitted=True
        )

    return content


def with_previous_status(
    before: VersionedRecord | None, after: Resource, work: AuditedUnitOfWork, *, keep_omitted: bool
) -> Resource:
    """Return an Encounter with its previous status in statusHistory; other types unchanged.

    With `keep_omitted` (a PUT), the history and what the server filled are kept if they are left
    out.
    """
    if not isinstance(before, EncounterRecord) or before.deleted:
        return after
    if keep_omitted:
        after = with_restored_elements(before.resource, after, before.filled, settings().zone)
    return with_status_history(
        before.resource, after, before.entered, work.instant, keep_omitted=keep_omitted
    )
