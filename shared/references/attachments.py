"""Files that a message or record names: whoever sees it sees them."""

from collections.abc import Iterable

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule
from shared.fhir import references
from shared.fhir.elements import attachment_elements
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal, Local
from shared.store import reading, versions
from shared.store.records import VersionedRecord


def require_versions(work: AuditedUnitOfWork, before: Resource, after: Resource) -> None:
    """Raise BusinessRule naming a version of a Binary that a write adds and that others cannot see.

    A version from before its Binary had a security context stays its maker's.
    """
    present = {element["url"] for element, _ in attachment_elements(before, "")}
    for element, path in attachment_elements(after, after["resourceType"]):
        named = references.parse(element["url"])
        if element["url"] in present or not isinstance(named, Local) or not named.version:
            continue
        version = _version(work, named)
        if version is None or version.deleted:
            raise BusinessRule(f"{named} does not exist", expression=path)
        if "securityContext" not in version.resource:
            raise BusinessRule(
                f"{named} is its maker's alone",
                expression=path,
                diagnostics=f"Attach {named.target} without a version, which shares it",
            )


def _version(work: AuditedUnitOfWork, named: Local) -> VersionedRecord | None:
    """Return a version of a Binary, or None if there is none that the caller sees."""
    current = work.resource(*named.target)
    if current is None or not work.visibility.sees_record(current):
        return None
    found = reading.named_version(work.tenant, current, named.version)
    is_seen = found is current or work.visibility.sees_record(found, is_past=True)
    return found if is_seen else None


def share(work: AuditedUnitOfWork, binaries: Iterable[Literal], owner: Literal) -> None:
    """Make the resource that names some Binaries their security context, if they have none yet.

    Nobody else could open them otherwise. Only their maker does so by naming them.
    """
    for binary in binaries:
        record = work.resource(*binary)
        if record is None or record.file is None or "securityContext" in record.resource:
            continue
        if not record.file.is_made_by(work.caller.subject):
            continue
        shared_resource = record.resource | {"securityContext": references.to(*owner)}
        work.save(versions.next_resource(work, record, shared_resource))
