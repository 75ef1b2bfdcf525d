"""Store random resources with all their items, by the store's own operations."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shared.catalog.types import DIRECTORY_TYPES, RECORD_TYPES, STORED_TYPES
from shared.fhir import instants, references, ulids
from shared.rules import times
from shared.rules.state import Adoption, Span
from shared.store.index import long_encounters
from shared.store.index.rows import row_keys
from shared.store.keys import HEADER_SORT, Place
from shared.store.operations import write_operations
from shared.store.records import CommunicationRecord, EncounterRecord, ResourceRecord
from tests.oracle import r4
from tests.oracle.making import Maker, Resource
from tests.oracle.making_any import AnyMaker
from tests.oracle.matcher import Everything, name_of
from tests.oracle.values import BASE, READERS, ZONE
from tests.support.memory_reads import Memory

CREATED = "2026-01-01T00:00:00.000Z"
RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)
THREADS = 30


def fill(memory: Memory, seed: str, size: int) -> Everything:
    """Store two fifths Encounters, and Communications: mostly messages of a few threads."""
    token = references.BASE.set(BASE)
    try:
        return _Filling(memory, seed, size).everything()
    finally:
        references.BASE.reset(token)


def fill_any(memory: Memory, seed: str, size: int) -> Everything:
    """Store Encounters and headers, and as many of each type of the directory and the records."""
    token = references.BASE.set(BASE)
    try:
        return _FillingAny(memory, seed, size).everything()
    finally:
        references.BASE.reset(token)


class _Filling:
    def __init__(self, memory: Memory, seed: str, size: int) -> None:
        self.memory, self.size = memory, size
        self.encounters = size * 2 // 5
        self.make = Maker(seed, self.encounters)
        self.dice = self.make.dice
        self.resources: list[Resource] = []
        self.sessions: dict[str, str] = {}
        self.spans: dict[tuple[str, str], set[str]] = {}

    def everything(self) -> Everything:
        for number in range(self.encounters):
            self._encounter(self.make.encounter(f"e{number}"))
        for number in range(self.size - self.encounters):
            if number < THREADS or number % 3 == 0:
                communication = self.make.communication(
                    f"t{number}" if number < THREADS else f"c{number}"
                )
                self._keep(communication, Place(communication["id"], HEADER_SORT))
            else:
                self._message(number)
        for (session, thread), sorts in self.spans.items():
            self._write(Span(encounter=session, thread=thread, low=min(sorts)))
        for thread in (f"t{number}" for number in range(THREADS)):
            for turn, session in enumerate(self._adopting(thread)):
                self._write(Adoption(thread=thread, epoch=10 * turn, session=session, late=False))
        return Everything(self.resources, self.sessions)

    def _adopting(self, thread: str) -> list[str]:
        """Return the three sessions that have, in turn, adopted a thread's earlier messages."""
        return [f"e{(int(thread[1:]) * 3 + number) % 20}" for number in range(3)]

    def _encounter(self, resource: Resource) -> None:
        self._bulky(resource)
        is_long = long_encounters.is_long(resource, instants.now(), ZONE)
        record = EncounterRecord(
            id=resource["id"],
            version=1,
            json=json.dumps(resource).encode(),
            created=CREATED,
            updated="",
            entered=CREATED,
            rows=row_keys(resource, CREATED, zone=ZONE, is_long=is_long, most=100),
        )
        self.resources.append(resource)
        self._write(record)

    def _message(self, number: int) -> None:
        """Store a message of a large or small thread, with an id of the server or of its sender."""
        thread = f"t{min(self.dice.randrange(THREADS), self.dice.randrange(THREADS))}"
        message = self.make.communication("", f"Communication/{thread}")
        order = times.order_milliseconds(message, RECEIVED, ZONE)
        ulid = ulids.prefix(order) + f"{number:016}"
        message["id"] = f"own{number}" if self.dice.random() < 0.1 else f"{thread}.{ulid}"
        sort = f"m#{ulid}"
        state: dict[str, Any] = {}
        session = ""
        if self.dice.random() < 0.4:
            session = f"e{self.dice.randrange(20)}"
            state = {"session": session}
        elif self.dice.random() < 0.5:
            epoch = self.dice.randrange(30)
            adopting = self._adopting(thread)
            place = -(-epoch // 10)
            state = {"epoch": epoch}
            session = adopting[place] if place < len(adopting) else ""
        if session:
            self.sessions[name_of(message)] = f"Encounter/{session}"
            self.spans.setdefault((session, thread), set()).add(sort)
        self._keep(message, Place(thread, sort), **state)

    def _keep(self, resource: Resource, place: Place, **state: Any) -> None:
        self._bulky(resource)
        record = CommunicationRecord(
            id=resource["id"],
            version=1,
            json=json.dumps(resource).encode(),
            created=CREATED,
            updated="",
            place=place,
            **state,
        )
        rows = row_keys(resource, CREATED, zone=ZONE, most=100)
        self.resources.append(resource)
        self._write(replace(record, rows=rows))

    def _bulky(self, resource: Resource) -> None:
        """Make some resources larger than a row, some of these even in what searches read."""
        size = self.dice.choices([0, 1200, 3000], (90, 7, 3))[0]
        if size:
            noise = self.dice.randbytes(size // 2).hex()
            resource["text"] = {"status": "additional", "div": f"<div>{noise}</div>"}
        if size == 3000:
            resource["meta"]["tag"] = [{"system": "urn:noise", "code": "noise", "display": noise}]

    def _write(self, record: Any) -> None:
        """Store all items that belong to a record."""
        for operation in write_operations(record, None, "-"):
            put = operation["Put"]
            self.memory.put_item(TableName=put["TableName"], Item=put["Item"])


class _FillingAny(_Filling):
    def __init__(self, memory: Memory, seed: str, size: int) -> None:
        super().__init__(memory, seed, size)
        self.types = (*DIRECTORY_TYPES, *RECORD_TYPES)
        self.encounters = size // len(STORED_TYPES)
        self.any = AnyMaker(seed, self.encounters)
        self.make = self.any
        self.dice = self.any.dice

    def everything(self) -> Everything:
        for number in range(self.encounters):
            self._encounter(self.make.encounter(f"e{number}"))
            communication = self.make.communication(f"t{number}")
            self._keep(communication, Place(communication["id"], HEADER_SORT))
            for kind in self.types:
                self._resource(self.any.any(kind, str(number)))
        readers = READERS | {kind: r4.readers(kind) for kind in self.types}
        return Everything(self.resources, {}, readers)

    def _resource(self, resource: Resource) -> None:
        self._bulky(resource)
        record = ResourceRecord(
            type=resource["resourceType"],
            id=resource["id"],
            version=1,
            json=json.dumps(resource).encode(),
            created=CREATED,
            updated="",
            rows=row_keys(resource, CREATED, zone=ZONE, most=100),
        )
        self.resources.append(resource)
        self._write(record)
