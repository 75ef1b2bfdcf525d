"""Writing a Binary in a unit of work, and its bytes as an object of the bucket."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule, FhirError, Transient
from shared.fhir.meta import has_same_content
from shared.fhir.references import Literal
from shared.interactions import write_access
from shared.references import checks
from shared.rules import files, security_contexts
from shared.sessions.changes import Change, ChangeResult, commit_change
from shared.store import binary_objects, reading, versions
from shared.store.records import StoredFile, VersionedRecord

type Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SentBinary:
    """A Binary as a client sends it: the resource without its data, the bytes, and the file's name.

    `content` is None if the bytes are not sent with the resource: they stay as they are, or S3 has
    them already.
    """

    resource: Resource
    content: bytes | None
    name: str = ""


class NewFile:
    """The bytes of a write, stored once however often the write is attempted."""

    def __init__(self, store: Callable[[], StoredFile]) -> None:
        """Store the bytes by a function, when they are first needed."""
        self._store = store
        self._stored: StoredFile | None = None

    def stored(self) -> StoredFile:
        """Return the stored file."""
        if self._stored is None:
            self._stored = self._store()
        return self._stored

    def discard(self) -> None:
        """Delete the bytes, if they are stored."""
        if self._stored:
            binary_objects.discard(self._stored)


def commit(caller: Caller, interaction: str, file: NewFile, change: Change) -> ChangeResult:
    """Commit a change that writes a file. If it is refused, the file is deleted again."""
    try:
        return commit_change(caller, interaction, change)
    except Transient:
        # The change may have been made, so its bytes stay.
        raise
    except FhirError:
        file.discard()
        raise


def write_binary(
    work: AuditedUnitOfWork,
    target: Literal,
    before: VersionedRecord | None,
    sent: SentBinary,
    new_file: NewFile,
) -> ChangeResult:
    """Save the next version of a Binary, or its first, after every check."""
    live = before if before and not before.deleted else None
    old = live.resource if live else {}
    resource = checks.resolve_conditionals(work, sent.resource) | {"id": target.id}
    resource = security_contexts.with_kept_context(
        _last_content(work, before), resource, may_change=work.caller.deletes_anything
    )
    if old:
        write_access.check_scopes(work, "u", old)
    check_access(work, resource, "u" if before else "c")
    record = before or versions.blank_resource(work, target)
    checks.require_targets(work, old, resource)
    file = _next_file(work.caller, record.file, sent, new_file, resource["contentType"])
    if live and live.file == file and has_same_content(old, resource):
        return ChangeResult(live)
    saved = versions.next_resource(work, record, resource, file=file)
    return ChangeResult(work.save(saved), created=live is None)


def _last_content(work: AuditedUnitOfWork, before: VersionedRecord | None) -> Resource:
    """Return what a Binary contains, or contained when it was deleted."""
    if before is None or not before.deleted:
        return before.resource if before else {}
    last = reading.version(work.tenant, before, before.version - 1)
    return last.resource if last else {}


def check_access(work: AuditedUnitOfWork, binary: Resource, letter: str) -> None:
    """Raise BusinessRule unless the security context is a resource here that the caller sees.

    Raises Forbidden if no scope with the letter covers the Binary, or if a patient or related
    person names a context that everybody sees.
    """
    write_access.check_scopes(work, letter, binary)
    is_patient_or_relative = work.caller.is_patient_or_relative
    context = security_contexts.named_context(binary, is_patient_or_relative=is_patient_or_relative)
    if context is None:
        return
    if not work.visibility.sees_context(binary):
        path = f"{security_contexts.PATH}.reference"
        raise BusinessRule(f"{context} does not exist", expression=path)
    record = work.resource(*context)
    if record and work.visibility.is_partial((context.type,)):
        # The caller's view of it lets them add the file, so it must not change.
        work.require_unchanged(record)


def _next_file(
    caller: Caller, before: StoredFile | None, sent: SentBinary, new: NewFile, content_type: str
) -> StoredFile:
    """Return the file of the next version. Bytes that the last one has are not stored again.

    The maker of a Binary stays the same.
    """
    content = sent.content
    if before and (content is None or before.sha256 == sha256(content).hexdigest()):
        file = before._replace(name=sent.name or before.name)
    else:
        maker = before.maker if before else caller.subject
        file = new.stored()._replace(maker=maker, name=sent.name)
    head = content or binary_objects.get(file, 0, files.HEAD_BYTES - 1)
    is_as_declared = files.is_as_declared(content_type, head[: files.HEAD_BYTES])
    return file._replace(is_as_declared=is_as_declared)
