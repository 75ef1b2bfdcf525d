"""Read stored resources: the current version, older versions, many at once, and lists."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson, references
from shared.store import codec, dynamodb, keys
from shared.store.items import Item
from shared.store.keys import Place
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    ResourceRecord,
    VersionedRecord,
    superseded_version,
)

type Resource = dict[str, Any]

# Keys hold version numbers of eight digits.
_VERSIONS = range(1, 10**8)
# How often to look again for a message that other writers move.
_MOST_MOVES = 4


class VersionKey(NamedTuple):
    """The key of a version of a resource."""

    type: str
    id: str
    number: int


class DueRow(NamedTuple):
    """A due row: an Encounter and when it must be looked at."""

    due: str
    tenant: str
    encounter: str


def current(tenant: str, resource_type: str, resource_id: str) -> VersionedRecord | None:
    """Return a resource's current version, which may be a deletion, or None."""
    if resource_type == "Encounter":
        item = _get(keys.encounter(tenant, resource_id))
        return EncounterRecord.from_item(item) if item else None
    if resource_type == "Communication":
        return communication(tenant, resource_id)
    item = _get(keys.resource(tenant, resource_type, resource_id))
    return ResourceRecord.from_item(item) if item else None


def communication(tenant: str, communication_id: str) -> CommunicationRecord | None:
    """Return a header or message, following the locator at its home place, or None.

    Raises Busy if other writers move it during each attempt.
    """
    home = keys.communication_at(tenant, keys.home_place(communication_id))
    for _ in range(_MOST_MOVES):
        item = _get(home)
        if item and "to" in item:
            item = _get(keys.communication_at(tenant, _place(item)))
            if item is None:
                # The message and its locator moved between the two reads.
                continue
        break
    else:
        raise dynamodb.Busy("The Communication is being moved; try again later")
    record = CommunicationRecord.from_item(item) if item else None
    # A message that moved to this place has another id.
    return record if record and record.id == communication_id else None


def _get(address: keys.Address) -> Item | None:
    return dynamodb.get(address.table, (address.pk, address.sk))


def _place(locator: Item) -> Place:
    thread, sort = (part["S"] for part in locator["to"]["L"])
    return Place(thread, sort)


def version(tenant: str, record: VersionedRecord, number: int) -> VersionedRecord | None:
    """Return a superseded version of a resource, or None."""
    item = _get(keys.version(tenant, record.type, record.id, number))
    return superseded_version(record, item) if item else None


def versions(
    tenant: str, record: VersionedRecord, oldest: int, newest: int
) -> Iterator[VersionedRecord]:
    """Yield a resource's superseded versions from `newest` down to `oldest`."""
    last = keys.version(tenant, record.type, record.id, newest)
    first = keys.version(tenant, record.type, record.id, oldest)
    if oldest > newest:
        return
    version_items = dynamodb.query_all(first.table, first.pk, (first.sk, last.sk), forward=False)
    for item in version_items:
        yield superseded_version(record, item)


def json_by_id(resource_type: str, ids: Sequence[str], tenant: str) -> dict[str, bytes]:
    """Return the JSON of many resources by id. What is absent or deleted is left out."""
    ids = [resource_id for resource_id in ids if references.ID.fullmatch(resource_id)]
    records = _records(resource_type, ids, tenant)
    return {record.id: record.json for record in records if record.json and record.id in ids}


def _records(resource_type: str, ids: Sequence[str], tenant: str) -> Iterator[VersionedRecord]:
    if resource_type == "Encounter":
        addresses = [keys.encounter(tenant, resource_id) for resource_id in ids]
        return map(EncounterRecord.from_item, _batch(patterns.ENCOUNTER, addresses))
    if resource_type != "Communication":
        addresses = [keys.resource(tenant, resource_type, resource_id) for resource_id in ids]
        return map(ResourceRecord.from_item, _batch(patterns.RESOURCE, addresses))
    addresses = [keys.communication_at(tenant, keys.home_place(resource_id)) for resource_id in ids]
    at_home = _batch(patterns.THREAD, addresses)
    moved = [keys.communication_at(tenant, _place(item)) for item in at_home if "to" in item]
    items = [item for item in at_home if "to" not in item] + _batch(patterns.THREAD, moved)
    return map(CommunicationRecord.from_item, items)


def read_versions(
    tenant: str, asked: Iterable[VersionKey]
) -> dict[VersionKey, tuple[VersionedRecord, VersionedRecord]]:
    """Return superseded versions, each with the current record of its resource.

    What is absent is left out.
    """
    by_address = {
        keys.version(tenant, version.type, version.id, version.number): version
        for version in asked
        if references.ID.fullmatch(version.id) and version.number in _VERSIONS
    }
    ids_by_type: dict[str, dict[str, None]] = {}
    for version in by_address.values():
        ids_by_type.setdefault(version.type, {})[version.id] = None
    records: dict[tuple[str, str], VersionedRecord] = {}
    for resource_type, ids in ids_by_type.items():
        current_records = _records(resource_type, list(ids), tenant)
        records |= {(resource_type, record.id): record for record in current_records}
    items: dict[tuple[str, str], Item] = {}
    for table in {address.table for address in by_address}:
        stored = _batch(table, [address for address in by_address if address.table == table])
        items |= {(item["pk"]["S"], item["sk"]["S"]): item for item in stored}
    return {
        version: (record, superseded_version(record, item))
        for address, version in by_address.items()
        if (record := records.get(version[:2])) and (item := items.get((address.pk, address.sk)))
    }


def children(tenant: str, encounter_id: str) -> list[Resource]:
    """Return the Encounters whose `partOf` names an Encounter, each in full or as its stub."""
    partition = f"{tenant}#Encounter?part-of=Encounter/{encounter_id}"
    index_rows = dynamodb.query_all(patterns.SEARCH, partition, keys.FULL_RANGE)
    resources = (resource_of_row(tenant, item) for item in index_rows)
    return [child for child in resources if child and child["id"] != encounter_id]


def resource_of_row(tenant: str, item: Item) -> Resource:
    """Return the resource of an Encounter's row, maybe as its stub; empty if it is gone."""
    if "resource" in item:
        resource: Resource = fhirjson.loads(codec.unpack(bytes(item["resource"]["B"]))[0])
        return resource
    record = current(tenant, "Encounter", item["sk"]["S"].rpartition("#")[2])
    return record.resource if record else {}


def thread_ids(tenant: str, encounter_id: str) -> list[str]:
    """Return the ids of the threads that a session has or had, in order."""
    partition = keys.encounter(tenant, encounter_id).pk
    spans = dynamodb.query_all(patterns.ENCOUNTER, partition, ("t#", "t#" + keys.AFTER_ALL))
    return [item["sk"]["S"].partition("#")[2] for item in spans]


def due_rows(shard: int, until: str) -> Iterator[DueRow]:
    """Yield the due rows of a shard up to an instant, the earliest first."""
    partition = patterns.DUE.partition.format(shard=shard)
    for item in dynamodb.query_all(patterns.SEARCH, partition, ("!", until + keys.AFTER_ALL)):
        yield DueRow(*item["sk"]["S"].split("#"))


def held_encounters(at: str) -> set[tuple[str, str]]:
    """Read tenant and id of each Encounter that is not to be looked at by an instant."""
    pattern = patterns.HELD
    items = dynamodb.query_all(pattern.table, pattern.partition, keys.FULL_RANGE)
    sorts = [item["sk"]["S"] for item in items if item["until"]["S"] > at]
    return {(tenant, own_id) for tenant, _, own_id in (sort.partition("#") for sort in sorts)}


def _batch(table: str, addresses: Sequence[keys.Address]) -> list[Item]:
    unique = list(dict.fromkeys((address.pk, address.sk) for address in addresses))
    return list(dynamodb.batch_get(table, unique))
