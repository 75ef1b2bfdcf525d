"""Files that are attached to a message or record: who sees that sees them."""

from collections.abc import Iterable

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import references
from shared.fhir.references import Literal
from shared.store import versions
from shared.store.records import ResourceRecord


def share(work: AuditedUnitOfWork, binaries: Iterable[Literal], owner: Literal) -> None:
    """Make the resource that names some Binaries their security context, if they have none yet.

    Nobody else could open them otherwise. Only their maker does so by naming them.
    """
    for binary in binaries:
        record = work.resource(*binary)
        if not isinstance(record, ResourceRecord) or record.file is None:
            continue
        is_own = record.file.is_made_by(work.caller.subject)
        if not is_own or "securityContext" in record.resource:
            continue
        shared_resource = record.resource | {"securityContext": references.to(*owner)}
        work.save(versions.next_resource(work, record, shared_resource))
