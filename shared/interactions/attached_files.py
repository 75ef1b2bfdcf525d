"""Reading the Binaries that are attached to messages and records, without their data."""

from collections.abc import Iterator, Sequence

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.catalog.types import BINARY
from shared.fhir import fhirjson, references
from shared.fhir.elements import attachment_elements
from shared.fhir.fhirjson import Resource
from shared.store import reading

# The JSON of every resource with an attached Binary contains this, and that of few others.
_MARK = f"{BINARY}/".encode()


def attached_files(caller: Caller, resources: Sequence[bytes], since: str = "") -> list[bytes]:
    """Return the JSON of the Binaries that resources name and the caller sees, each once.

    Those that were last changed before the instant `since` are left out.
    """
    owners: list[Resource] = [fhirjson.loads(json) for json in resources if _MARK in json]
    ids = list(dict.fromkeys(binary_id for owner in owners for binary_id in _binary_ids(owner)))
    if not ids:
        return []
    known = {(owner["resourceType"], owner["id"]): owner for owner in owners}

    def read(resource_type: str, resource_id: str) -> Resource | None:
        """Return what a Binary belongs to, which is mostly the resource that names it."""
        if owner := known.get((resource_type, resource_id)):
            return owner
        record = reading.current(caller.tenant, resource_type, resource_id)
        return record.resource if record else None

    visibility = Visibility(caller, "r", read=read)
    records = {record.id: record for record in reading.records(BINARY, ids, caller.tenant)}
    return [
        record.json
        for record in map(records.get, ids)
        if record and record.json and record.last_updated >= since
        if visibility.sees_record(record)
    ]


def _binary_ids(resource: Resource) -> Iterator[str]:
    for element, _ in attachment_elements(resource, ""):
        if binary := references.attached_binary(element):
            yield binary.id
