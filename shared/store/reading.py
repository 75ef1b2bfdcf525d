"""Reading resources: one, its versions, many."""

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
    Versioned,
    superseded,
)

type Resource = dict[str, Any]

# Those that keys have room for.
_VERSIONS = range(1, 10**8)
# How often a message is looked for that others move meanwhile.
_MOST_MOVES = 4


class VersionKey(NamedTuple):
    """A version of a resource that is asked for."""

    type: str
    id: str
    number: int


class DueRow(NamedTuple):
    """When an Encounter must be looked at."""

    due: str
    tenant: str
    encounter: str


def current(tenant: str, resource_type: str, resource_id: str) -> Versioned | None:
    """Read a resource's current version, which may be a deletion."""
    if resource_type == "Encounter":
        item = _get(keys.encounter(tenant, resource_id))
        return EncounterRecord.from_item(item) if item else None
    if resource_type == "Communication":
        return communication(tenant, resource_id)
    item = _get(keys.resource(tenant, resource_type, resource_id))
    return ResourceRecord.from_item(item) if item else None


def communication(tenant: str, communication_id: str) -> CommunicationRecord | None:
    """Read a header or message, through the locator that one leaves which is elsewhere.

    Raises Busy where it is moved again and again meanwhile.
    """
    home = keys.communication_at(tenant, keys.home_place(communication_id))
    for _ in range(_MOST_MOVES):
        item = _get(home)
        if item and "to" in item:
            item = _get(keys.communication_at(tenant, _place(item)))
            if item is None:
                # It was moved between the two reads, and its locator with it.
                continue
        break
    else:
        raise dynamodb.Busy("The message is being moved")
    record = CommunicationRecord.from_item(item) if item else None
    # What has moved to the place that an id speaks of has an id of its own.
    return record if record and record.id == communication_id else None


def _get(address: keys.Address) -> Item | None:
    return dynamodb.get(address.table, (address.pk, address.sk))


def _place(locator: Item) -> Place:
    thread, sort = (part["S"] for part in locator["to"]["L"])
    return Place(thread, sort)


def version(tenant: str, record: Versioned, number: int) -> Versioned | None:
    """Read a superseded version of a resource."""
    item = _get(keys.version(tenant, record.type, record.id, number))
    return superseded(record, item) if item else None


def versions(tenant: str, record: Versioned, oldest: int, newest: int) -> Iterator[Versioned]:
    """Read a resource's superseded versions between two numbers, the newest first."""
    last = keys.version(tenant, record.type, record.id, newest)
    first = keys.version(tenant, record.type, record.id, oldest)
    if oldest > newest:
        return
    found = dynamodb.query_all(first.table, first.pk, (first.sk, last.sk), forward=False)
    for item in found:
        yield superseded(record, item)


def read_many(resource_type: str, ids: Sequence[str], tenant: str) -> dict[str, bytes]:
    """Read the JSON of many resources' current versions; what is not there is left out."""
    ids = [one for one in ids if references.ID.fullmatch(one)]
    records = _records(resource_type, ids, tenant)
    return {record.id: record.json for record in records if record.json and record.id in ids}


def _records(resource_type: str, ids: Sequence[str], tenant: str) -> Iterator[Versioned]:
    if resource_type == "Encounter":
        addresses = [keys.encounter(tenant, one) for one in ids]
        return map(EncounterRecord.from_item, _batch(patterns.ENCOUNTER, addresses))
    if resource_type != "Communication":
        addresses = [keys.resource(tenant, resource_type, one) for one in ids]
        return map(ResourceRecord.from_item, _batch(patterns.RESOURCE, addresses))
    addresses = [keys.communication_at(tenant, keys.home_place(one)) for one in ids]
    found = _batch(patterns.THREAD, addresses)
    moved = [keys.communication_at(tenant, _place(item)) for item in found if "to" in item]
    found = [item for item in found if "to" not in item] + _batch(patterns.THREAD, moved)
    return map(CommunicationRecord.from_item, found)


def read_versions(
    tenant: str, asked: Iterable[VersionKey]
) -> dict[VersionKey, tuple[Versioned, Versioned]]:
    """Read superseded versions of several resources, each after the resource's record."""
    by_place = {
        keys.version(tenant, one.type, one.id, one.number): one
        for one in asked
        if references.ID.fullmatch(one.id) and one.number in _VERSIONS
    }
    records: dict[tuple[str, str], Versioned] = {}
    items: dict[tuple[str, str], Item] = {}
    for resource_type in {one.type for one in by_place.values()}:
        ids = list(dict.fromkeys(one.id for one in by_place.values() if one.type == resource_type))
        records |= {(resource_type, one.id): one for one in _records(resource_type, ids, tenant)}
    for table in {place.table for place in by_place}:
        found = _batch(table, [place for place in by_place if place.table == table])
        items |= {(one["pk"]["S"], one["sk"]["S"]): one for one in found}
    return {
        one: (record, superseded(record, item))
        for place, one in by_place.items()
        if (record := records.get((one.type, one.id))) and (item := items.get((place.pk, place.sk)))
    }


def children(tenant: str, encounter_id: str) -> list[Resource]:
    """Read the Encounters whose partOf names one, in full or what searches look at of them."""
    partition = f"{tenant}#Encounter?part-of=Encounter/{encounter_id}"
    found = dynamodb.query_all(patterns.SEARCH, partition, keys.EVERYTHING)
    resources = (resource_of_row(tenant, item) for item in found)
    return [one for one in resources if one and one["id"] != encounter_id]


def resource_of_row(tenant: str, item: Item) -> Resource:
    """Read the resource of a row, as much of it as searches look at; empty where it is gone."""
    if "resource" in item:
        resource: Resource = fhirjson.loads(codec.unpack(bytes(item["resource"]["B"]))[0])
        return resource
    record = current(tenant, "Encounter", item["sk"]["S"].rpartition("#")[2])
    return record.resource if record else {}


def thread_ids(tenant: str, encounter_id: str) -> list[str]:
    """Read the ids of the threads that a session has or had, in their order."""
    partition = keys.encounter(tenant, encounter_id).pk
    found = dynamodb.query_all(patterns.ENCOUNTER, partition, ("t#", "t#" + keys.AFTER_ALL))
    return [item["sk"]["S"].partition("#")[2] for item in found]


def due_rows(shard: int, until: str) -> Iterator[DueRow]:
    """Read the Encounters of a shard that are due, the longest due first."""
    partition = patterns.DUE.partition.format(shard=shard)
    for item in dynamodb.query_all(patterns.SEARCH, partition, ("!", until + keys.AFTER_ALL)):
        yield DueRow(*item["sk"]["S"].split("#"))


def held(at: str) -> set[tuple[str, str]]:
    """Read tenant and id of each Encounter that is not to be looked at by an instant."""
    pattern = patterns.HELD
    items = dynamodb.query_all(pattern.table, pattern.partition, keys.EVERYTHING)
    sorts = [item["sk"]["S"] for item in items if item["until"]["S"] > at]
    return {(tenant, own_id) for tenant, _, own_id in (sort.partition("#") for sort in sorts)}


def _batch(table: str, addresses: Sequence[keys.Address]) -> list[Item]:
    unique = list(dict.fromkeys((address.pk, address.sk) for address in addresses))
    return list(dynamodb.batch_get(table, unique))
