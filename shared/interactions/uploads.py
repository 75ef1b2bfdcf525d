"""Uploads of files that are too large for a request: begun here, sent to S3, and completed here.

Nothing is stored between the two requests but the file itself, with what was said of it. The Binary
exists once the upload is completed.
"""

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import BINARY
from shared.errors import Forbidden, NotFound
from shared.fhir import instants, ulids
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.interactions import binaries
from shared.interactions.binaries import SentBinary
from shared.interactions.create import validated_new_resource
from shared.interactions.read import existing_record
from shared.rules import files
from shared.sessions.changes import ChangeResult
from shared.store import files as store
from shared.store import reading
from shared.store.files import Upload
from shared.store.records import ResourceRecord, StoredFile, VersionedRecord


def begin(caller: Caller, upload: Upload) -> tuple[Resource, str, dict[str, str]]:
    """Return the Binary that there will be, the URL for its file, and the headers to send.

    Raises what creating the Binary would raise, and Forbidden if nobody could complete it.
    """
    if not caller.subject:
        raise Forbidden("The token names nobody who could complete the upload")
    now = instants.now()
    binary_id = ulids.new(instants.to_nanoseconds(now) // instants.MILLISECOND)
    work = AuditedUnitOfWork(caller, now)
    work.visibility.remember_own_binary(binary_id)
    binary = _resource(upload) | {"id": binary_id}
    binaries.check_access(work, binary, "c")
    url, headers = store.upload_url(caller.tenant, binary_id, upload)
    return binary, url, headers


def complete(caller: Caller, binary_id: str) -> ChangeResult:
    """Create the Binary of a file that has been sent; one that exists already is returned.

    Raises NotFound if the caller has sent no file for this id or does not see its Binary, and
    Deleted.
    """
    target = Literal(BINARY, binary_id)

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        if existing := work.resource(*target):
            return ChangeResult(_completed(caller, work.visibility, existing))
        work.visibility.remember_own_binary(binary_id)
        return binaries.write_binary(work, target, None, sent, file)

    # Of a Binary that exists, S3 may have another file by now.
    if existing := reading.current(caller.tenant, *target):
        return ChangeResult(_completed(caller, Visibility(caller), existing))
    arrived = store.uploaded(caller.tenant, binary_id, caller.subject)
    if arrived is None:
        raise _no_file(binary_id)
    file, sent = _SentToS3(arrived[1]), SentBinary(_resource(arrived[0]), None, arrived[0].name)
    return binaries.committed(caller, "create", file, change)


def _completed(caller: Caller, visibility: Visibility, record: VersionedRecord) -> VersionedRecord:
    """Return the Binary of a caller's completed upload. Raises NotFound and Deleted."""
    file = record.file if isinstance(record, ResourceRecord) else None
    if not file or not file.is_made_by(caller.subject) or not visibility.sees_record(record):
        raise _no_file(record.id)
    return existing_record(record, record.type, record.id)


def _no_file(binary_id: str) -> NotFound:
    return NotFound(f"No file has been uploaded for {binary_id}")


def _resource(upload: Upload) -> Resource:
    resource: Resource = {"resourceType": BINARY, "contentType": upload.content_type}
    if upload.context:
        resource["securityContext"] = {"reference": upload.context}
    return validated_new_resource(resource, BINARY)


class _SentToS3:
    """A file that S3 has already."""

    def __init__(self, file: StoredFile) -> None:
        self._file, self._is_kept = file, False

    def stored(self, _before: StoredFile | None, content_type: str) -> StoredFile:
        """Return the file, which is kept from now on."""
        store.keep(self._file)
        self._is_kept = True
        head = store.get(self._file, 0, files.HEAD_BYTES - 1)
        return self._file._replace(is_as_declared=files.is_as_declared(content_type, head))

    def discard(self) -> None:
        """Delete the file if it is kept, but nothing names it. Otherwise it expires."""
        if self._is_kept:
            store.discard(self._file)
