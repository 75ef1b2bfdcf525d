"""The interactions read and vread: the current or an earlier version of a resource.

https://hl7.org/fhir/R4/http.html#read
"""

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.errors import Deleted, NotFound
from shared.store import dynamodb, keys, meter, reading
from shared.store.records import VersionedRecord

# The most reads that it takes to find that a resource is hidden from the caller: the resource and
# the version before its deletion; a session's medical encounters; a message's place and its header;
# a Binary's security context, which may be a message.
_LOOKS = 2
_MOST_LOOKS = {"Encounter": 3, "Communication": 4, "Binary": 5}


def read(caller: Caller, resource_type: str, resource_id: str) -> VersionedRecord:
    """Return the current version of a resource. Raises NotFound and Deleted."""
    record = visible_record(Visibility(caller, "r"), resource_type, resource_id)
    return existing_record(record, resource_type, resource_id)


def vread(caller: Caller, resource_type: str, resource_id: str, version: str) -> VersionedRecord:
    """Return one version of a resource. Raises NotFound, and Deleted if it is a deletion."""
    visibility = Visibility(caller, "r")
    current = visible_record(visibility, resource_type, resource_id)
    found = reading.named_version(caller.tenant, current, version) if current else None
    is_seen = found is current or visibility.sees_record(found, is_past=True)
    if found is None or not is_seen:
        raise NotFound(f"{resource_type}/{resource_id} has no version {version}")
    return existing_record(found, resource_type, resource_id)


def visible_record(
    visibility: Visibility, resource_type: str, resource_id: str
) -> VersionedRecord | None:
    """Return a resource's current record, None if it does not exist or the caller cannot see it."""
    begun = meter.accesses()
    record = reading.current(visibility.tenant, resource_type, resource_id)
    if visibility.sees_record(record):
        return record
    equalize_reads(visibility, resource_type, resource_id, begun)
    return None


def equalize_reads(
    visibility: Visibility, resource_type: str, resource_id: str, begun: int
) -> None:
    """Read on in vain until as many reads were made as a hidden resource takes at most.

    Otherwise the response time would reveal whether a resource is hidden or does not exist. `begun`
    is the meter's count at the start of the request's reads.
    """
    if not visibility.is_partial((resource_type,)):
        return
    address = keys.current(visibility.tenant, resource_type, resource_id)
    most = _MOST_LOOKS.get(resource_type, _LOOKS)
    for _ in range(most - (meter.accesses() - begun)):
        dynamodb.get(address)


def existing_record[V: VersionedRecord](
    record: V | None, resource_type: str, resource_id: str
) -> V:
    """Return the record if it exists. Raises NotFound if it is None, Deleted if it is deleted."""
    if record is None:
        raise NotFound(f"{resource_type}/{resource_id} does not exist")
    if record.deleted:
        raise Deleted(f"{resource_type}/{resource_id} is deleted")
    return record
