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
from shared.interactions.write import Content, Pair, Resource, named_or_matching, write
from shared.references import checks
from shared.rules.filled_elements import with_restored_elements
from shared.rules.status_history import with_status_history
from shared.sessions.changes import ChangeResult, commit_change
from shared.sessions.intake import validated_resource
from shared.settings import settings
from shared.store.records import CommunicationRecord, EncounterRecord, VersionedRecord


def update(
    caller: Caller,
    resource_type: str,
    resource_id: str,
    body: Any,
    *,
    query: Sequence[Pair] = (),
    only_if: Preconditions = UNCONDITIONAL,
) -> ChangeResult:
    """Store the body as the next version of a resource, or as its first.

    If `resource_id` is empty, this is the one resource that `query` matches, or a new one (a
    conditional update). Raises Invalid if the body has another id, PreconditionFailed if the query
    matches several, and Conflict if it matches none and the body's id is already taken.
    """
    resource = validated_resource(body, resource_type)

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        target = update_target(work, resource, resource_id, query)
        if target is None:
            return create_new(work, resource, only_if=only_if)
        content = content_from_body(resource | {"id": target.id})
        return write(work, target, content, only_if=only_if)

    return commit_change(caller, "update", change)


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


def content_from_body(resource: Resource) -> Content:
    """Return a function that makes a whole resource the next version."""

    def content(before: VersionedRecord | None, work: AuditedUnitOfWork) -> Resource:
        after = _with_kept_opt_out(before, checks.resolve_conditionals(work, resource))
        return with_previous_status(before, after, work, keep_omitted=True)

    return content


def _with_kept_opt_out(before: VersionedRecord | None, after: Resource) -> Resource:
    """Return a header with its stored opt-out: who leaves it out may have read it earlier."""
    if not isinstance(before, CommunicationRecord) or "extension" not in before.resource:
        return after
    from shared.rules import channels  # noqa: PLC0415 - few threads are of a channel

    return channels.with_kept_opt_out(before.resource, after)


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
