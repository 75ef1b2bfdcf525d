"""Read stored resources: the current version, older versions, many at once, and lists."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson, references
from shared.rules.state import Adoption, Span
from shared.store import codec, dynamodb, items, keys
from shared.store.items import Item
from shared.store.keys import Address, Place
from shared.store.records import (
    CommunicationRecord,
    CurrentRecord,
    EncounterRecord,
    ResourceRecord,
    VersionedRecord,
)

type Resource = dict[str, Any]

_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
# Keys hold version numbers of eight digits.
_VERSIONS = range(1, 10**8)
# How often to look again for a message that other writers move.
_MOST_MOVES = 4


class VersionKey(NamedTuple):
    """The key of a version of a resource."""

    type: str
    id: str
    number: int


def current(tenant: str, resource_type: str, resource_id: str) -> CurrentRecord | None:
    """Return a resource's current version, which may be a deletion, or None."""
    if resource_type == "Communication":
        return communication(tenant, resource_id)
    item = dynamodb.get(keys.current(tenant, resource_type, resource_id))
    return _record_type(resource_type).from_item(item) if item else None


def _record_type(resource_type: str) -> type[EncounterRecord | ResourceRecord]:
    return EncounterRecord if resource_type == "Encounter" else ResourceRecord


def communication(tenant: str, communication_id: str) -> CommunicationRecord | None:
    """Return a header or message, following the locator at its home place, or None.

    Raises Busy if other writers move it during each attempt.
    """
    home = keys.communication_at(tenant, keys.home_place(communication_id))
    for _ in range(_MOST_MOVES):
        item = dynamodb.get(home)
        if item and "to" in item:
            item = dynamodb.get(keys.communication_at(tenant, _place(item)))
            if item is None:
                # The message and its locator moved between the two reads.
                continue
        record = CommunicationRecord.from_item(item) if item else None
        # A message that moved to this place has another id.
        return record if record and record.id == communication_id else None
    raise dynamodb.Busy("The Communication is being moved; try again later")


def _place(locator: Item) -> Place:
    thread, sort = (part["S"] for part in locator["to"]["L"])
    return Place(thread, sort)


def version[V: VersionedRecord](tenant: str, record: V, number: int) -> V | None:
    """Return a superseded version of a resource, or None."""
    item = dynamodb.get(keys.version(tenant, record.type, record.id, number))
    return record.superseded(item) if item else None


def named_version[V: VersionedRecord](tenant: str, record: V, number: str) -> V | None:
    """Return the current or a past version of a record by its number in digits, None if absent."""
    if number == str(record.version):
        return record
    is_past = _VERSION.fullmatch(number) and int(number) < record.version
    return version(tenant, record, int(number)) if is_past else None


def versions[V: VersionedRecord](tenant: str, record: V, oldest: int, newest: int) -> Iterator[V]:
    """Yield a resource's superseded versions from `newest` down to `oldest`."""
    last = keys.version(tenant, record.type, record.id, newest)
    first = keys.version(tenant, record.type, record.id, oldest)
    if oldest > newest:
        return
    for item in dynamodb.query_all(first.table, first.pk, (first.sk, last.sk), forward=False):
        yield record.superseded(item)


def json_by_id(resource_type: str, ids: Sequence[str], tenant: str) -> dict[str, bytes]:
    """Return the JSON of many resources by id. What is absent or deleted is left out."""
    ids = [resource_id for resource_id in ids if references.ID.fullmatch(resource_id)]
    found = records(resource_type, ids, tenant)
    return {record.id: record.json for record in found if record.json and record.id in ids}


def records(resource_type: str, ids: Iterable[str], tenant: str) -> Iterator[VersionedRecord]:
    """Return the current records of many resources, in no order. What is absent is left out."""
    at_home = items_at(keys.current(tenant, resource_type, own_id) for own_id in ids).values()
    if resource_type != "Communication":
        return map(_record_type(resource_type).from_item, at_home)
    moved = items_at(
        keys.communication_at(tenant, _place(item)) for item in at_home if "to" in item
    )
    stayed = [item for item in at_home if "to" not in item]
    return map(CommunicationRecord.from_item, [*stayed, *moved.values()])


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
    current_records: dict[tuple[str, str], VersionedRecord] = {}
    for resource_type, ids in ids_by_type.items():
        found = records(resource_type, ids, tenant)
        current_records |= {(resource_type, record.id): record for record in found}
    version_items = items_at(by_address)
    return {
        version: (record, record.superseded(item))
        for address, version in by_address.items()
        if (record := current_records.get(version[:2])) and (item := version_items.get(address))
    }


def children(tenant: str, encounter_id: str) -> list[Resource]:
    """Return the Encounters whose `partOf` names an Encounter, each in full or as its stub."""
    partition = keys.children(tenant, encounter_id)
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


def spans(tenant: str, encounter_id: str) -> list[Span]:
    """Return the spans of all threads that a session has or had, in order of threads."""
    partition = keys.partition(patterns.SPAN, tenant, id=encounter_id)
    between = keys.beginning_with(patterns.SPAN.prefix)
    return [items.span(item) for item in dynamodb.query_all(patterns.ENCOUNTER, partition, between)]


def adoptions(tenant: str, thread: str) -> list[Adoption]:
    """Return all adoptions of a thread, in order of epochs."""
    partition = keys.partition(patterns.ADOPTION, tenant, id=thread)
    between = keys.beginning_with(patterns.ADOPTION.prefix)
    return [items.adoption(row) for row in dynamodb.query_all(patterns.THREAD, partition, between)]


def items_at(addresses: Iterable[Address]) -> dict[Address, Item]:
    """Return the items at many addresses. What is absent is left out."""
    keys_of_table: dict[str, dict[tuple[str, str], None]] = {}
    for address in addresses:
        keys_of_table.setdefault(address.table, {})[address.key] = None
    return {
        Address(table, item["pk"]["S"], item["sk"]["S"]): item
        for table, wanted in keys_of_table.items()
        for item in dynamodb.batch_get(table, list(wanted))
    }
