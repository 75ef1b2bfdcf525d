"""Checks of the tables that must hold after every request, whatever happened."""

from collections import Counter, defaultdict
from datetime import UTC
from typing import Any

import orjson

from shared.audit.events import event_hash
from shared.catalog import access_patterns as patterns
from shared.catalog.types import SESSION_TYPES
from shared.fhir import instants
from shared.rules import classification
from shared.store import codec, dynamodb, guards, items, keys
from shared.store.audit_items import event_of
from shared.store.index import long_encounters
from shared.store.operations import due_address
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    ResourceRecord,
    VersionedRecord,
)

type Tables = dict[str, list[dict[str, Any]]]

TENANT = "-"
# The reference of a version's owner in each table begins with this; its key has the rest.
_OWNERS = {
    patterns.ENCOUNTER: "Encounter/",
    patterns.THREAD: "Communication/",
    patterns.RESOURCE: "",
}
_RESOURCES = (patterns.ENCOUNTER, patterns.THREAD, patterns.RESOURCE)
_BESIDE = (patterns.SEARCH, patterns.AUDIT)


def scan(table: str) -> list[dict[str, Any]]:
    pages = (
        dynamodb.client()
        .get_paginator("scan")
        .paginate(TableName=dynamodb.table_name(table), ConsistentRead=True)
    )
    return [item for page in pages for item in page["Items"]]


def stored_items() -> list[list[dict[str, Any]]]:
    """Read everything that is stored, to see whether a request wrote anything."""
    return [scan(table) for table in (*_RESOURCES, *_BESIDE)]


def check(*, closing_too: bool = False, torn: bool = False) -> None:
    """Raise AssertionError if the tables contradict each other.

    A closing of several transactions may be in progress only with `closing_too`. Events of the
    audit trail may be missing or superfluous only in a `torn` copy.
    """
    stored: dict[str, Tables] = defaultdict(lambda: defaultdict(list))
    for table in (*_RESOURCES, *_BESIDE):
        for item in scan(table):
            stored[_tenant(item)][table].append(item)
    for tenant, tables in stored.items():
        _check(tenant, tables, closing_too=closing_too, torn=torn)


def _tenant(item: dict[str, Any]) -> str:
    partition, sort = item["pk"]["S"], item["sk"]["S"]
    if partition.startswith("due#"):
        return str(sort.split("#")[1])
    if partition == patterns.HELD.partition:
        return str(sort.partition("#")[0])
    return TENANT if partition.startswith("reindex") else str(partition.partition("#")[0])


def _check(tenant: str, tables: Tables, *, closing_too: bool, torn: bool) -> None:
    encounters = {
        record.id: record
        for item in tables[patterns.ENCOUNTER]
        if item["sk"]["S"] == "current"
        for record in (EncounterRecord.from_item(item),)
    }
    threads = tables[patterns.THREAD]
    communications = {
        record.id: record
        for item in threads
        if (item["sk"]["S"] == "header" or item["sk"]["S"].startswith("m#")) and "to" not in item
        for record in (CommunicationRecord.from_item(item),)
    }
    assert closing_too or not any(record.closing for record in encounters.values())
    resources = [
        ResourceRecord.from_item(item)
        for item in tables[patterns.RESOURCE]
        if item["sk"]["S"] == "current"
    ]
    stored = [*encounters.values(), *communications.values(), *resources]
    records: dict[str, VersionedRecord] = {
        f"{record.type}/{record.id}": record for record in stored
    }
    _check_rows(tables, records)
    _check_guards(tenant, tables, stored)
    _check_due(tenant, tables, encounters)
    slots = [item for item in threads if item["sk"]["S"].startswith(("state", "day#"))]
    _check_slots(encounters, [items.slot(item) for item in slots])
    _check_versions(records, tables)
    if not torn:
        _check_chains(tables, records)


def _check_rows(tables: Tables, records: dict[str, VersionedRecord]) -> None:
    rows = {
        (item["pk"]["S"], item["sk"]["S"]): item
        for item in (*tables[patterns.SEARCH], *tables[patterns.ENCOUNTER])
        if item["sk"]["S"].startswith("r#")
        or (
            "?" in item["pk"]["S"]
            and not item["pk"]["S"].startswith(("due#", "reindex"))
            and item["sk"]["S"] not in ("guard", "claim")
        )
    }
    expected = {row: record for record in records.values() for row in record.rows}
    assert set(rows) == set(expected)
    for record in records.values():
        _check_second_rows(record)
    for key, record in expected.items():
        if "partial" not in rows[key]:
            assert codec.unpack(bytes(rows[key]["resource"]["B"]))[0] == record.json


def _check_guards(tenant: str, tables: Tables, records: list[VersionedRecord]) -> None:
    held = Counter(
        keys.guard(tenant, record.type, *identifier).pk
        for record in records
        for identifier in guards.record_identifiers(record)
    )
    counted = {
        item["pk"]["S"]: items.number(item, "count")
        for item in tables[patterns.SEARCH]
        if item["sk"]["S"] == "guard"
    }
    assert counted == held


def _check_second_rows(record: VersionedRecord) -> None:
    """Check that a long Encounter has a second row beside each row that is sorted by date."""
    dated = {row for row in record.rows if "?_lastUpdated#" not in row[0]}
    if record.type not in SESSION_TYPES:
        return
    second = {row for row in dated if row[1].startswith(long_encounters.LONG_PREFIX)}
    first = {(pk, long_encounters.LONG_PREFIX + sk) for pk, sk in dated - second}
    is_long = isinstance(record, EncounterRecord) and record.is_long
    assert second == (first if is_long else set()), record.id
    if record.type == "Encounter" and not record.deleted:
        must_be = long_encounters.is_long(
            record.resource, instants.from_text(record.last_updated), UTC
        )
        assert is_long or not must_be, f"{record.id} is long and is not marked"


def _check_due(tenant: str, tables: Tables, encounters: dict[str, EncounterRecord]) -> None:
    due = {
        (item["pk"]["S"], item["sk"]["S"])
        for item in tables[patterns.SEARCH]
        if item["pk"]["S"].startswith("due#")
    }
    expected = set()
    for record in encounters.values():
        # An Encounter that does not close by itself is looked at once, when it has become long.
        has_no_end = record.policy == "explicit" or (record.policy == "daily" and not record.home)
        looked_at = has_no_end and record.is_long and not record.due
        is_open = classification.is_open(record.resource) or record.closing is not None
        assert looked_at or bool(record.due) == is_open, record.id
        assert is_open or not record.due, record.id
        if record.due:
            address = due_address(record, tenant)
            expected.add((address.pk, address.sk))
    assert due == expected


def _check_slots(encounters: dict[str, EncounterRecord], slots: list[Any]) -> None:
    attached = defaultdict(set)
    for slot in slots:
        if slot.open:
            session = encounters[slot.session]
            assert classification.is_open(session.resource), f"{slot.key} joins an ended session"
            assert session.closing is None, f"{slot.key} joins a session being closed"
            attached[slot.session].add(str(slot.key))
    for record in encounters.values():
        assert set(record.slots) == attached[record.id]


def _check_versions(records: dict[str, VersionedRecord], tables: Tables) -> None:
    versions = defaultdict(set)
    for table, prefix in _OWNERS.items():
        for item in tables[table]:
            sort = item["sk"]["S"]
            if sort.startswith("v#"):
                named = sort.split("#")[1:-1]
                owner = named[0] if named else items.partition_without_tenant(item)
                versions[prefix + owner].add(int(item["version"]["N"]))
    for reference, record in records.items():
        assert versions[reference] == set(range(1, record.version)), reference


def _check_chains(tables: Tables, records: dict[str, VersionedRecord]) -> None:
    """Check each resource's audit rows, each of which names the one before it."""
    last: dict[str, bytes] = {}
    events = [event_of(item) for item in tables[patterns.AUDIT] if item["sk"]["S"] == "event"]
    links: dict[str, dict[str, bytes]] = defaultdict(dict)
    for event in events:
        hashed = event_hash(event)
        for reference, _, _, chain in orjson.loads(event).get("written", ()):
            assert chain not in links[reference], "two audit rows follow the same row"
            links[reference][chain] = hashed
    for reference, following in links.items():
        chain, steps = b"", 0
        while chain.hex() in following:
            chain, steps = following[chain.hex()], steps + 1
        assert steps == len(following), f"the chain of {reference} is broken"
        last[reference] = chain
    for reference, record in records.items():
        assert record.chain == last[reference]
