"""The interactions create and update of Binaries: files, whose bytes are objects of a bucket.

The other interactions are those of all types. https://hl7.org/fhir/R4/binary.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.compartments import SEEN_BY_ALL
from shared.catalog.types import BINARY, STORED_TYPES
from shared.errors import BusinessRule, FhirError, Forbidden, Invalid, NotFound, Transient
from shared.fhir import instants, references, ulids
from shared.fhir.meta import has_same_content
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.fhir.references import Literal
from shared.interactions import write_access
from shared.interactions.read import equalize_reads
from shared.references import checks
from shared.rules import files
from shared.sessions.changes import ChangeResult, commit_change
from shared.store import files as store
from shared.store import meter, reading, versions
from shared.store.records import ResourceRecord, StoredFile

type Resource = dict[str, Any]

_CONTEXT = f"{BINARY}.securityContext"


@dataclass(frozen=True, slots=True)
class SentBinary:
    """A Binary as a client sends it: the resource without its data, the bytes, and the file's name.

    `content` is None if only the resource is sent, which leaves the bytes as they are.
    """

    resource: Resource
    content: bytes | None
    name: str = ""


def create(caller: Caller, sent: SentBinary) -> ChangeResult:
    """Create a Binary under a new id. Raises Invalid if it has no content."""
    if sent.content is None:
        raise Invalid("A Binary needs its content", expression=f"{BINARY}.data")
    milliseconds = instants.to_nanoseconds(instants.now()) // instants.MILLISECOND
    target = Literal(BINARY, ulids.new(milliseconds))

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        work.visibility.remember_own_binary(target.id)
        return write_binary(work, target, None, sent, file)

    file = _SentFile(caller, target.id, sent)
    return committed(caller, "create", file, change)


def update(
    caller: Caller,
    binary_id: str,
    sent: SentBinary,
    *,
    only_if: Preconditions = UNCONDITIONAL,
) -> ChangeResult:
    """Store the next version of a Binary; only callers who see all Binaries create one by it.

    Raises NotFound, and Invalid if a new one has no content.
    """
    target = Literal(BINARY, binary_id)

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        before = _visible(work, target)
        live = before if before and not before.deleted else None
        only_if.check(live.version if live else None)
        if before is None and sent.content is None:
            raise Invalid("A Binary needs its content", expression=f"{BINARY}.data")
        with write_access.hide_error_details(work, live.resource if live else {}):
            return write_binary(work, target, before, sent, file)

    file = _SentFile(caller, binary_id, sent)
    return committed(caller, "update", file, change)


def _visible(work: AuditedUnitOfWork, target: Literal) -> ResourceRecord | None:
    """Return a Binary, None if there is none. Raises NotFound for callers who do not see all."""
    begun = meter.accesses()
    record = work.resource(*target)
    if isinstance(record, ResourceRecord) and work.visibility.sees_record(record):
        return record
    equalize_reads(work.visibility, *target, begun)
    if work.visibility.is_partial((BINARY,)):
        raise NotFound(f"{target} does not exist")
    return None


class FileOfWrite(Protocol):
    """The file of a write, which may be attempted several times."""

    def stored(self, before: StoredFile | None, content_type: str) -> StoredFile | None:
        """Return the file of the next version, stored. `before` is that of the last version."""

    def discard(self) -> None:
        """Delete what was stored for a write that was refused."""


class _SentFile:
    """The bytes of a request, stored once however often the write is attempted."""

    def __init__(self, caller: Caller, binary_id: str, sent: SentBinary) -> None:
        self._caller, self._id, self._sent = caller, binary_id, sent
        self._stored: StoredFile | None = None

    def stored(self, before: StoredFile | None, content_type: str) -> StoredFile | None:
        """Return the file of the next version. Bytes that are stored already are not stored again.

        The maker of a Binary stays the same.
        """
        content = self._sent.content
        if before and (content is None or before.sha256 == sha256(content).hexdigest()):
            head = store.get(before, 0, files.HEAD_BYTES - 1) if content is None else content
            file = before._replace(name=self._sent.name or before.name)
        else:
            head = content or b""
            maker = before.maker if before else self._caller.subject
            file = (self._stored or self._put(head))._replace(maker=maker, name=self._sent.name)
        is_as_declared = files.is_as_declared(content_type, head[: files.HEAD_BYTES])
        return file._replace(is_as_declared=is_as_declared)

    def _put(self, content: bytes) -> StoredFile:
        self._stored = store.put(self._caller.tenant, self._id, content)
        return self._stored

    def discard(self) -> None:
        """Delete the bytes of a change that was refused."""
        if self._stored:
            store.discard(self._stored)


def committed(
    caller: Caller,
    interaction: str,
    file: FileOfWrite,
    change: Callable[[AuditedUnitOfWork], ChangeResult],
) -> ChangeResult:
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
    before: ResourceRecord | None,
    sent: SentBinary,
    file_of_write: FileOfWrite,
) -> ChangeResult:
    """Save the next version of a Binary, or its first, after every check."""
    live = before if before and not before.deleted else None
    old = live.resource if live else {}
    resource = checks.resolve_conditionals(work, sent.resource) | {"id": target.id}
    resource = _with_context(work, before, resource)
    if old:
        write_access.check_scopes(work, "u", old)
    check_access(work, resource, "u" if before else "c")
    record = before or versions.blank_resource(work, target)
    checks.require_targets(work, old, resource)
    file = file_of_write.stored(record.file, resource["contentType"])
    if live and live.file == file and has_same_content(old, resource):
        return ChangeResult(live)
    saved = versions.next_resource(work, record, resource, file=file)
    return ChangeResult(work.save(saved), created=live is None)


def _with_context(
    work: AuditedUnitOfWork, before: ResourceRecord | None, resource: Resource
) -> Resource:
    """Return a Binary with the security context that it has, which only administrators change.

    Otherwise a file that others have seen could be hidden from them. Raises BusinessRule.
    """
    kept = _last_content(work, before).get("securityContext")
    if kept is None:
        return resource
    context = resource.get("securityContext", kept)
    if not work.caller.deletes_anything and references.target(context) != references.target(kept):
        raise BusinessRule(
            "The security context stays as it is",
            expression=_CONTEXT,
            diagnostics="Leave it out. Only administrators change it",
        )
    return resource | {"securityContext": context}


def _last_content(work: AuditedUnitOfWork, before: ResourceRecord | None) -> Resource:
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
    if "securityContext" not in binary:
        return
    target = references.target(binary["securityContext"])
    if target is None or target.type not in STORED_TYPES:
        raise BusinessRule(
            "The security context must be a resource on this server",
            expression=_CONTEXT,
            diagnostics="Name a message, a thread, an Encounter, a record or a person: who sees it "
            f"sees the {BINARY}",
        )
    if work.caller.is_patient_or_relative and target.type in SEEN_BY_ALL:
        raise Forbidden(
            f"Patients and related persons cannot show a {BINARY} to everybody",
            expression=_CONTEXT,
            diagnostics="Name a thread or a message",
        )
    if not work.visibility.sees_context(binary):
        raise BusinessRule(f"{target} does not exist", expression=f"{_CONTEXT}.reference")
    record = work.resource(*target)
    if record and work.visibility.is_partial((target.type,)):
        # The caller's view of it lets them add the file, so it must not change.
        work.require_unchanged(record)
