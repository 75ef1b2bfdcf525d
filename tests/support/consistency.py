"""Checks of the tables that must hold after every request, whatever happened."""

from collections import Counter, defaultdict
from datetime import UTC
from itertools import chain
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.catalog.types import SESSION_TYPES
from shared.fhir import instants
from shared.rules import classification
from shared.rules.state import Slot
from shared.store import dynamodb, items
from shared.store.index import long_encounters
from shared.store.operations import due_address
from shared.store.records import EncounterRecord, VersionedRecord
from tests.support import published_events
from tests.support.stored_items import StoredItem, decode

type Kinds = dict[str, list[StoredItem]]

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
    tenants: dict[str, Kinds] = defaultdict(lambda: defaultdict(list))
    for table in (*_RESOURCES, *_BESIDE):
        for stored in decode(dynamodb.client(), table, scan(table)):
            tenants[stored.tenant][stored.kind].append(stored)
    for tenant, kinds in tenants.items():
        _check(tenant, kinds, closing_too=closing_too, torn=torn)


def _check(tenant: str, kinds: Kinds, *, closing_too: bool, torn: bool) -> None:
    encounters = {stored.record.id: stored.record for stored in kinds["encounter"]}
    assert closing_too or not any(record.closing for record in encounters.values())
    communications = {stored.record.id: stored for stored in kinds["communication"]}
    current = [*kinds["encounter"], *communications.values(), *kinds["resource"]]
    _check_rows(kinds["row"], current)
    _check_guards(kinds["guard"], current)
    _check_due(tenant, kinds["due"], encounters)
    _check_slots(encounters, [stored.record for stored in kinds["slot"]])
    records = {stored.reference: stored.record for stored in current}
    _check_versions(records, kinds["version"])
    if not torn:
        _check_chains(kinds["event"], records)
        events = chain.from_iterable(stored.published_events for stored in kinds["event"])
        published_events.check(events, records)


def _check_rows(stored_rows: list[StoredItem], current: list[StoredItem]) -> None:
    rows = {stored.key: stored for stored in stored_rows}
    expected = {row: stored.record for stored in current for row in stored.record.rows}
    assert set(rows) == set(expected)
    for stored in current:
        _check_second_rows(stored)
    for key, record in expected.items():
        if "partial" not in rows[key].item:
            assert rows[key].json == record.json


def _check_guards(stored_guards: list[StoredItem], current: list[StoredItem]) -> None:
    held = Counter[str]()
    for stored in current:
        held.update(stored.guards)
    counted = {stored.partition: items.number(stored.item, "count") for stored in stored_guards}
    assert counted == held


def _check_second_rows(stored: StoredItem) -> None:
    """Check that a long Encounter has a second row beside each row that is sorted by date."""
    record: VersionedRecord = stored.record
    threshold = long_encounters.threshold_hours()
    if record.type not in SESSION_TYPES or stored.second_rows_checked_with == threshold:
        return
    dated = {row for row in record.rows if "?_lastUpdated#" not in row[0]}
    second = {row for row in dated if row[1].startswith(long_encounters.LONG_PREFIX)}
    first = {(pk, long_encounters.LONG_PREFIX + sk) for pk, sk in dated - second}
    is_long = isinstance(record, EncounterRecord) and record.is_long
    assert second == (first if is_long else set()), record.id
    if record.type == "Encounter" and not record.deleted:
        must_be = long_encounters.is_long(
            record.resource, instants.from_text(record.last_updated), UTC
        )
        assert is_long or not must_be, f"{record.id} is long and is not marked"
    stored.second_rows_checked_with = threshold


def _check_due(
    tenant: str, stored_rows: list[StoredItem], encounters: dict[str, EncounterRecord]
) -> None:
    due = {stored.key for stored in stored_rows}
    expected = set()
    for record in encounters.values():
        # An Encounter that does not close by itself is looked at once, when it has become long.
        has_no_end = record.policy == "explicit" or (record.policy == "daily" and not record.home)
        looked_at = has_no_end and record.is_long and not record.due
        is_open = classification.is_open(record.resource) or record.closing is not None
        assert looked_at or bool(record.due) == is_open, record.id
        assert is_open or not record.due, record.id
        if address := due_address(record, tenant):
            expected.add(address.key)
    assert due == expected


def _check_slots(encounters: dict[str, EncounterRecord], slots: list[Slot]) -> None:
    attached = defaultdict(set)
    for slot in slots:
        if slot.open:
            session = encounters[slot.session]
            assert classification.is_open(session.resource), f"{slot.key} joins an ended session"
            assert session.closing is None, f"{slot.key} joins a session being closed"
            attached[slot.session].add(str(slot.key))
    for record in encounters.values():
        assert set(record.slots) == attached[record.id]


def _check_versions(records: dict[str, VersionedRecord], stored_versions: list[StoredItem]) -> None:
    versions = defaultdict(set)
    for stored in stored_versions:
        reference, number = stored.version
        versions[reference].add(number)
    for reference, record in records.items():
        assert versions[reference] == set(range(1, record.version)), reference


def _check_chains(events: list[StoredItem], records: dict[str, VersionedRecord]) -> None:
    """Check each resource's audit rows, each of which names the one before it."""
    last: dict[str, bytes] = {}
    links: dict[str, dict[str, bytes]] = defaultdict(dict)
    for stored in events:
        hashed, followed = stored.links
        for reference, previous in followed:
            assert previous not in links[reference], "two audit rows follow the same row"
            links[reference][previous] = hashed
    for reference, following in links.items():
        link, steps = b"", 0
        while link.hex() in following:
            link, steps = following[link.hex()], steps + 1
        assert steps == len(following), f"the chain of {reference} is broken"
        last[reference] = link
    for reference, record in records.items():
        assert record.chain == last[reference]
