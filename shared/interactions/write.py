"""Writing one resource in a unit of work: find, read, check, change and save it."""

from collections.abc import Callable, Sequence
from typing import Any

from shared.access import identity_elements
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import SESSION_TYPES, SUBSCRIPTION
from shared.errors import NotFound
from shared.fhir.meta import has_same_content
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.fhir.references import Literal
from shared.interactions import write_access
from shared.interactions.read import equalize_reads
from shared.references import checks
from shared.sessions import communications, encounters
from shared.sessions.changes import ChangeResult
from shared.store import meter, versions
from shared.store.records import CommunicationRecord, EncounterRecord, VersionedRecord

type Resource = dict[str, Any]
type Pair = tuple[str, str]
# Returns a resource's new content, given its current record. None deletes the resource.
type Content = Callable[[VersionedRecord | None, AuditedUnitOfWork], Resource | None]


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


def write(
    work: AuditedUnitOfWork,
    target: Literal,
    content: Content,
    *,
    only_if: Preconditions = UNCONDITIONAL,
    is_new: bool = False,
) -> ChangeResult:
    """Write one resource, if its version meets the preconditions `only_if`.

    With `is_new` its id was just generated, so there is nothing to read. Raises PreconditionFailed,
    and the errors of `content` and of the rules.
    """
    begun = meter.accesses()
    stored = None if is_new else work.resource(target.type, target.id)
    before = stored if work.visibility.sees_record(stored) else None
    if before is None and not is_new:
        equalize_reads(work.visibility, *target, begun)
    exists = before is not None and not before.deleted
    only_if.check(before.version if before and exists else None)
    with write_access.hide_error_details(work, before.resource if before else {}):
        return _write(work, target, content, stored, before, is_new=is_new)


def _write(
    work: AuditedUnitOfWork,
    target: Literal,
    content: Content,
    stored: VersionedRecord | None,
    before: VersionedRecord | None,
    *,
    is_new: bool,
) -> ChangeResult:
    """Write the new content. `before` is the stored record, None if the caller does not see it."""
    live = None if before is None or before.deleted else before
    after = content(before, work)
    if after is None:
        if live is None:
            return ChangeResult(before)
        write_access.check_deletion(work, live)
        return ChangeResult(_save(work, live, target, None))
    if live:
        # Whether the content is the same says what is there.
        write_access.check_scopes(work, "u", live.resource)
    elif not is_new and (stored is not before or work.visibility.is_partial((target.type,))):
        # A caller with limited visibility must not learn whether the id is taken.
        raise NotFound(f"{target} does not exist")
    if target.type == SUBSCRIPTION:
        from shared.subscriptions import writing  # noqa: PLC0415 - few writes are of Subscriptions

        after = writing.prepare(work, before, target, after)
    if live and has_same_content(live.resource, after):
        return ChangeResult(live)
    if live is None and work.caller.is_patient_or_relative:
        after = identity_elements.without_labels(after)
    write_access.check(work, before.resource if before else {}, after, is_new=is_new)
    return ChangeResult(_save(work, before, target, after), created=live is None)


def _save(
    work: AuditedUnitOfWork, before: VersionedRecord | None, target: Literal, after: Resource | None
) -> VersionedRecord:
    if target.type == SUBSCRIPTION:
        from shared.subscriptions import writing  # noqa: PLC0415 - as above

        return writing.save(work, before, target, after)
    if target.type not in SESSION_TYPES:
        return _save_resource(work, before, target, after)
    if isinstance(before, EncounterRecord):
        return encounters.update(work, before, after) if after else encounters.delete(work, before)
    if isinstance(before, CommunicationRecord):
        return (
            communications.update(work, before, after)
            if after
            else communications.delete(work, before)
        )
    if after is None:
        raise AssertionError("only an existing resource is deleted")
    if target.type == "Encounter":
        return encounters.create(work, target.id, after)
    return communications.create(work, target.id, after)


def _save_resource(
    work: AuditedUnitOfWork, before: VersionedRecord | None, target: Literal, after: Resource | None
) -> VersionedRecord:
    """Save a resource of the directory or the records, which has no effect on other resources."""
    record = before or versions.blank_resource(work, target)
    if after is not None:
        checks.require_targets(work, record.resource, after)
    saved = versions.next_resource(work, record, after)
    work.save(saved)
    return saved
