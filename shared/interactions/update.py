"""The interaction update: replacing a resource's content, or creating one under a client's id.

https://hl7.org/fhir/R4/http.html#update
"""

from collections.abc import Sequence
from typing import Any

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.interactions.create import create_new
from shared.interactions.write import Content, write
from shared.interactions.write_targets import Pair, Resource, update_target
from shared.references import checks
from shared.rules.filled_elements import with_restored_elements
from shared.rules.status_history import with_status_history
from shared.sessions.changes import ChangeResult, commit_change
from shared.sessions.intake import validated_resource
from shared.settings import settings
from shared.store.records import EncounterRecord, VersionedRecord


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
