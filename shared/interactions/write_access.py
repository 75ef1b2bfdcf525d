"""The checks that a caller may make a write, by scopes, role and thread.

Visibility is checked before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.access import patient_writes
from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.policies import EXTENSION_PATH
from shared.catalog.types import SERVICE_TYPES, WITHDRAWAL_MARKS
from shared.errors import BusinessRule, FhirError, Forbidden, Issue, NotFound, Transient
from shared.interactions import recipients
from shared.rules import classification
from shared.rules.compartments import canonical_sender, is_draft
from shared.store.records import CommunicationRecord, VersionedRecord

type Resource = dict[str, Any]


def check_deletion(work: AuditedUnitOfWork, record: VersionedRecord) -> None:
    """Raise Forbidden unless the caller's scopes and roles let them delete a resource."""
    check_scopes(work, "d", record.resource)
    if work.caller.deletes_anything or _is_own(work.caller, record):
        return
    mark = WITHDRAWAL_MARKS[record.type]
    raise Forbidden(
        f"Only administrators may delete this {record.type}: mark it instead ({mark})",
        expression=record.type,
        diagnostics="All others may delete only drafts of their own that were never sent. "
        f"What was recorded stays, and is marked as void: set {mark}",
    )


def _is_own(caller: Caller, record: VersionedRecord) -> bool:
    """Return whether only the caller has seen a record: a draft never sent, a file never shared."""
    if record.file:
        is_made = record.file.is_made_by(caller.subject)
        return is_made and "securityContext" not in record.resource
    was_sent = isinstance(record, CommunicationRecord) and record.recalled
    draft = record.resource
    return is_draft(draft) and not was_sent and canonical_sender(draft) in caller.sender_references


def check(work: AuditedUnitOfWork, before: Resource, after: Resource, *, is_new: bool) -> None:
    """Raise Forbidden unless the caller's scopes and roles let them write a resource.

    Scopes must cover the resource both as it was and as it becomes.
    """
    caller = work.caller
    for content in (before, after):
        if content:
            check_scopes(work, "c" if is_new else "u", content)
    if (
        classification.header_id(after) != classification.header_id(before)
        and work.visibility.is_partial()
    ):
        _header(work, after)
    # What patients ask of the service itself is checked where it is prepared.
    if not caller.is_patient_or_relative or after["resourceType"] in SERVICE_TYPES:
        return
    if before:
        patient_writes.check_change(caller, before, after, _header(work, before))
    else:
        patient_writes.check_sender(caller, after)
        header = _header(work, after)
        patient_writes.check_creation(caller, after, header)
        recipients.check_recipients(work, after, header)
        _check_policy(after)
        if header is None:
            from shared.sessions import daily_quotas  # noqa: PLC0415 - staff have none

            daily_quotas.count_new(work, "Communication")


def check_scopes(work: AuditedUnitOfWork, letter: str, resource: Resource) -> None:
    """Raise Forbidden if no scope of the caller covers a resource for an interaction's letter."""
    if not work.visibility.scopes_allow(letter, resource):
        resource_type = resource["resourceType"]
        raise Forbidden(
            f"The token has no scope for this {resource_type}",
            expression=resource_type,
            diagnostics=f"A scope such as user/{resource_type}.{letter} is required",
        )


@contextmanager
def hide_error_details(work: AuditedUnitOfWork, resource: Resource) -> Iterator[None]:
    """Replace the details of an error about a resource that the caller may write but not read.

    Errors that reveal nothing of it (Forbidden, NotFound, Transient) pass unchanged.
    """
    try:
        yield
    except (Forbidden, NotFound, Transient):
        raise
    except FhirError as error:
        if resource and not work.visibility.scopes_allow("r", resource):
            resource_type = resource["resourceType"]
            # Which element is wrong may also depend on what was there.
            issue = Issue(
                error.code,
                "The change is refused",
                resource_type,
                "The reason is shown only to callers who may read the resource, with a scope "
                f"such as user/{resource_type}.r",
            )
            error.issues = (issue,)
        raise


def _header(work: AuditedUnitOfWork, message: Resource) -> Resource | None:
    """Return a message's header, None for a header. Raises BusinessRule if the caller sees none."""
    header_id = classification.header_id(message)
    if not header_id:
        return None
    header = visible_header(work, header_id, "Communication.partOf")
    if work.visibility.is_partial(("Communication",)):
        # The header's participants let the caller write in the thread, so it must not change.
        work.require_unchanged(header)
    return header.resource


def visible_header(work: AuditedUnitOfWork, header_id: str, expression: str) -> CommunicationRecord:
    """Read a thread's header. Raises BusinessRule if there is none that the caller sees."""
    header = work.header(header_id)
    if header is None or not work.visibility.sees(header.resource):
        raise BusinessRule(f"Communication/{header_id} does not exist", expression=expression)
    return header


def _check_policy(header: Resource) -> None:
    """Raise Forbidden if a header has a session policy, which is up to the clinic."""
    urls = (str(extension.get("url", "")) for extension in header.get("extension", ()))
    if any(url.endswith(EXTENSION_PATH) for url in urls):
        raise Forbidden(
            "Patients and related persons may not set a session policy",
            expression="Communication.extension",
            diagnostics="Leave the extension out",
        )
