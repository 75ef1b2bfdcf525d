"""The interaction patch: changing the current version of a resource.

https://hl7.org/fhir/R4/http.html#patch
"""

from collections.abc import Callable, Sequence
from typing import Any

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import NotFound
from shared.fhir.patch import patching
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.fhir.references import Literal
from shared.interactions import write_access
from shared.interactions.read import existing_record
from shared.interactions.update import with_previous_status
from shared.interactions.write import Content, Pair, Resource, named_or_matching, write
from shared.references import checks
from shared.sessions.changes import ChangeResult, commit_change
from shared.sessions.intake import validated_resource
from shared.store.records import VersionedRecord


def patch(
    caller: Caller,
    resource_type: str,
    resource_id: str,
    body: Any,
    media_type: str,
    *,
    query: Sequence[Pair] = (),
    only_if: Preconditions = UNCONDITIONAL,
) -> ChangeResult:
    """Change a resource by a JSON Patch or a JSON Merge Patch.

    If `resource_id` is empty, this is the one resource that `query` matches (a conditional patch).
    Raises NotFound, Deleted, PreconditionFailed if the query matches several, and the errors of the
    patch and of writing its result.
    """

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        target = patch_target(work, resource_type, resource_id, query)
        return write(work, target, content_from_patch(target, body, media_type), only_if=only_if)

    return commit_change(caller, "patch", change)


def patch_target(
    work: AuditedUnitOfWork, resource_type: str, resource_id: str, query: Sequence[Pair]
) -> Literal:
    """Return the resource that a patch changes. Raises NotFound and PreconditionFailed."""
    target = named_or_matching(work, resource_type, resource_id, query)
    if target is None:
        raise NotFound(f"The query matches no {resource_type}")
    return target


def content_from_patch(target: Literal, body: Any, media_type: str) -> Content:
    """Return a function that makes a resource's next version by applying a patch."""
    apply_patch = content_from_change(
        target,
        lambda current: patching.patch(current, body, media_type),
        writes_text=patching.writes_text(body),
    )

    def content(before: VersionedRecord | None, work: AuditedUnitOfWork) -> Resource | None:
        if before and _tests(body):
            # The result of a test reveals content, so the caller must be allowed to read it.
            write_access.check_scopes(work, "r", before.resource)
        return apply_patch(before, work)

    return content


def _tests(body: Any) -> bool:
    """Return whether a JSON Patch has a `test` operation."""
    operations = body if isinstance(body, list) else []
    return any(
        isinstance(operation, dict) and operation.get("op") == "test" for operation in operations
    )


def content_from_change(
    target: Literal, change: Callable[[Resource], Any], *, writes_text: bool = False
) -> Content:
    """Return a function that makes a resource's next version by changing the current one.

    A narrative that was generated from the old content is removed, unless the change writes one.
    """

    def content(before: VersionedRecord | None, work: AuditedUnitOfWork) -> Resource:
        current = existing_record(before, target.type, target.id).resource
        # Whether a patch can be made says what is there.
        write_access.check_scopes(work, "u", current)
        after = validated_resource(change(current), target.type)
        after = checks.resolve_conditionals(work, after)
        if not writes_text:
            after = patching.without_generated_text(current, after)
        return with_previous_status(before, after, work, keep_omitted=False)

    return content
