"""Uploads of files that are too large for a request: begun here, sent to S3, and completed here.

Nothing is stored between the two requests but the file itself, with what was said of it. The Binary
exists once the upload is completed.
"""

from functools import cache

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import BINARY
from shared.errors import Forbidden, NotFound
from shared.fhir import instants, ulids
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.interactions.binary_writes import (
    NewFile,
    SentBinary,
    check_access,
    commit,
    write_binary,
)
from shared.interactions.create import validated_new_resource
from shared.interactions.read import existing_record
from shared.sessions.changes import ChangeResult
from shared.store import binary_objects
from shared.store.binary_objects import Upload
from shared.store.records import StoredFile, VersionedRecord


def begin(caller: Caller, upload: Upload) -> tuple[Resource, str, dict[str, str]]:
    """Return the Binary that there will be, the URL for its file, and the headers to send.

    Raises what creating the Binary would raise, and Forbidden if nobody could complete it.
    """
    if not caller.subject:
        raise Forbidden("The token names nobody who could complete the upload")
    work = AuditedUnitOfWork(caller, instants.now())
    binary_id = ulids.new(work.milliseconds)
    work.visibility.remember_own_binary(binary_id)
    binary = _resource(upload) | {"id": binary_id}
    check_access(work, binary, "c")
    url, headers = binary_objects.upload_url(caller.tenant, binary_id, upload)
    return binary, url, headers


def complete(caller: Caller, binary_id: str) -> ChangeResult:
    """Create the Binary of a file that has been sent; one that exists already is returned.

    Raises NotFound if the caller has sent no file for this id or does not see its Binary, and
    Deleted.
    """
    target = Literal(BINARY, binary_id)

    @cache
    def arrived() -> tuple[Upload, StoredFile]:
        found = binary_objects.uploaded(caller.tenant, binary_id, caller.subject)
        if found is None:
            raise _no_file(binary_id)
        return found

    def keep() -> StoredFile:
        _, file = arrived()
        binary_objects.keep(file)
        return file

    file = NewFile(keep)

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        # Of a Binary that exists, S3 may have another file by now.
        if existing := work.resource(*target):
            return ChangeResult(_completed(work, existing))
        upload, _ = arrived()
        work.visibility.remember_own_binary(binary_id)
        sent = SentBinary(_resource(upload), None, upload.name)
        return write_binary(work, target, None, sent, file)

    return commit(caller, "create", file, change)


def _completed(work: AuditedUnitOfWork, record: VersionedRecord) -> VersionedRecord:
    """Return the Binary of a caller's completed upload. Raises NotFound and Deleted."""
    is_own = record.file is not None and record.file.is_made_by(work.caller.subject)
    if not is_own or not work.visibility.sees_record(record):
        raise _no_file(record.id)
    return existing_record(record, record.type, record.id)


def _no_file(binary_id: str) -> NotFound:
    return NotFound(f"No file has been uploaded for {binary_id}")


def _resource(upload: Upload) -> Resource:
    resource: Resource = {"resourceType": BINARY, "contentType": upload.content_type}
    if upload.context:
        resource["securityContext"] = {"reference": upload.context}
    return validated_new_resource(resource, BINARY)
