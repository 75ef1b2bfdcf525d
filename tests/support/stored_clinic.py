"""An in-memory store filled directly with the items that the service would write."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from shared.catalog import access_patterns as patterns
from shared.fhir import instants, ulids
from shared.interactions.admin import reindex
from shared.store import codec, dynamodb, keys
from shared.store.index import long_encounters, readiness
from shared.store.index.rows import row_keys, stub
from shared.store.keys import HEADER_SORT, Place
from shared.store.records import CommunicationRecord, EncounterRecord, ResourceRecord
from tests.support import care, clock
from tests.support.memory_reads import Item, Memory

START = datetime(2026, 1, 1, tzinfo=UTC)


def instant_at(minutes: int) -> str:
    return (START + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@contextmanager
def open_clinic(memory: Memory | None = None) -> Iterator["StoredClinic"]:
    """Yield an empty clinic that the service reads from, with rows for every parameter.

    An Encounter of a week is long.
    """
    memory = memory or Memory()
    readiness.ready_names.cache_clear()
    with (
        patch.object(dynamodb, "client", lambda: memory),
        patch.object(dynamodb, "table_name", str),
        patch.object(long_encounters, "threshold_hours", lambda: 168),
        clock.running(),
    ):
        clinic = StoredClinic(memory)
        address = keys.reindexing("ready")
        clinic.put(*address, parameters={"SS": [*reindex.added_parameters()]})
        yield clinic
    readiness.ready_names.cache_clear()


class StoredClinic:
    """Write resources, each dated by its minutes since START."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.resources: list[dict[str, Any]] = []

    def put(self, table: str, pk: str, sk: str, **item: Any) -> None:
        self.memory.put_item(TableName=table, Item={"pk": {"S": pk}, "sk": {"S": sk}} | item)

    def index(self, resource: dict[str, Any], *, partial: bool = False, bare: bool = False) -> None:
        """Write the rows of a resource.

        A row holds the whole resource; with `partial`, only the elements that searches read; with
        `bare`, nothing of it.
        """
        self.resources.append(resource)
        content = stub(resource) if partial else resource
        packed: Item = {"resource": {"B": codec.pack(json.dumps(content).encode())}}
        if partial:
            packed["partial"] = {"BOOL": True}
        if bare:
            packed = {"partial": {"BOOL": True}}
        is_encounter = resource["resourceType"] == "Encounter"
        is_long = is_encounter and long_encounters.is_long(resource, instants.now(), UTC)
        for pk, sk in row_keys(
            resource, resource["meta"]["lastUpdated"], zone=UTC, is_long=is_long
        ):
            self.put(patterns.index_table_of_key(sk), pk, sk, **packed)

    def resource(self, resource: dict[str, Any], **options: bool) -> None:
        """Store a resource of the directory or the records, with its id and meta."""
        self.index(resource, **options)
        record = ResourceRecord(
            type=resource["resourceType"],
            id=resource["id"],
            version=1,
            json=json.dumps(resource).encode(),
            created=resource["meta"]["lastUpdated"],
            updated="",
        )
        name = f"-#{resource['resourceType']}/{resource['id']}"
        self.put(patterns.RESOURCE, name, "current", **record.to_item())

    def encounter(self, key: str, minutes: int, *, partial: bool = False, **more: Any) -> None:
        resource = care.session(**more) | meta(key, minutes)
        self.index(resource, partial=partial)
        record = EncounterRecord(
            id=key,
            version=1,
            json=json.dumps(resource).encode(),
            created=instant_at(minutes),
            updated="",
            entered=instant_at(minutes),
        )
        self.put(patterns.ENCOUNTER, f"-#{key}", "current", **record.to_item())

    def header(self, key: str, minutes: int, **more: Any) -> None:
        resource = care.header(**more) | meta(key, minutes)
        self.index(resource)
        record = CommunicationRecord(
            id=key,
            version=1,
            json=json.dumps(resource).encode(),
            created=instant_at(minutes),
            updated="",
            place=Place(key, HEADER_SORT),
        )
        self.put(patterns.THREAD, f"-#{key}", HEADER_SORT, **record.to_item())

    def message(self, thread: str, minutes: int, **more: Any) -> str:
        state = {name: more.pop(name) for name in ("session", "epoch") if name in more}
        ulid = ulids.prefix(int(START.timestamp() * 1000) + minutes * 60_000) + f"{minutes:016}"
        key = f"{thread}.{ulid}"
        resource = care.message(thread, instant_at(minutes), **more) | meta(key, minutes)
        self.index(resource)
        packed = {"resource": {"B": codec.pack(json.dumps(resource).encode())}}
        self.put(patterns.THREAD, f"-#{thread}", f"m#{ulid}", **packed, **state)
        return key


def meta(key: str, minutes: int) -> dict[str, Any]:
    return {"id": key, "meta": {"versionId": "1", "lastUpdated": instant_at(minutes)}}
