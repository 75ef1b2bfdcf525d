"""The interactions create and update of Binaries: files, whose bytes are objects of a bucket.

The other interactions are those of all types. https://hl7.org/fhir/R4/binary.html
"""

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import BINARY
from shared.errors import Invalid, NotFound
from shared.fhir import instants, ulids
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.fhir.references import Literal
from shared.interactions import write_access
from shared.interactions.binary_writes import NewFile, SentBinary, commit, write_binary
from shared.interactions.read import equalize_reads
from shared.sessions.changes import ChangeResult
from shared.store import binary_objects, meter
from shared.store.records import VersionedRecord


def create(caller: Caller, sent: SentBinary) -> ChangeResult:
    """Create a Binary under a new id. Raises Invalid if it has no content."""
    if sent.content is None:
        raise _no_content()
    milliseconds = instants.to_nanoseconds(instants.now()) // instants.MILLISECOND
    target = Literal(BINARY, ulids.new(milliseconds))
    file = _new_file(caller, target, sent)

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        work.visibility.remember_own_binary(target.id)
        return write_binary(work, target, None, sent, file)

    return commit(caller, "create", file, change)


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
    file = _new_file(caller, target, sent)

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        before = _visible(work, target)
        live = before if before and not before.deleted else None
        only_if.check(live.version if live else None)
        if before is None and sent.content is None:
            raise _no_content()
        with write_access.hide_error_details(work, live.resource if live else {}):
            return write_binary(work, target, before, sent, file)

    return commit(caller, "update", file, change)


def _new_file(caller: Caller, target: Literal, sent: SentBinary) -> NewFile:
    return NewFile(lambda: binary_objects.put(caller.tenant, target.id, sent.content or b""))


def _no_content() -> Invalid:
    return Invalid("A Binary needs its content", expression=f"{BINARY}.data")


def _visible(work: AuditedUnitOfWork, target: Literal) -> VersionedRecord | None:
    """Return a Binary, None if there is none. Raises NotFound for callers who do not see all."""
    begun = meter.accesses()
    record = work.resource(*target)
    if work.visibility.sees_record(record):
        return record
    equalize_reads(work.visibility, *target, begun)
    if work.visibility.is_partial((BINARY,)):
        raise NotFound(f"{target} does not exist")
    return None
