"""The records that a change reads and saves."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.rules.classification import parent
from shared.rules.state import Adoption, Slot, SlotKey, Span
from shared.store import dynamodb, items, keys, reading
from shared.store.items import Item
from shared.store.keys import MESSAGES, Address
from shared.store.operations import Record, address_of
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    Pending,
    ResourceRecord,
    Versioned,
    changed,
)


class ClosingUnderWay(Exception):
    """The session is being closed: whoever meets that completes the closing first."""

    def __init__(self, encounter_id: str) -> None:
        """Name the session."""
        super().__init__(encounter_id)
        self.encounter_id = encounter_id


class Repository:
    """Reads each record once and keeps what is to be written.

    A read after a save returns what was saved, so that several changes can be made in one.
    """

    def __init__(self, tenant: str, now: datetime) -> None:
        """Begin at an instant."""
        self.tenant, self.now = tenant, now
        self._read: dict[Address, Any] = {}
        self._saved: dict[Address, Any] = {}

    @property
    def instant(self) -> str:
        """The instant of this work, as `lastUpdated` writes it."""
        return instants.written(self.now)

    @property
    def milliseconds(self) -> int:
        """The instant of this work, since 1970."""
        return instants.nanoseconds(self.now) // instants.MILLISECOND

    def _record[R](self, address: Address, read_item: Callable[[Item], R]) -> R | None:
        if address in self._saved:
            saved: R | None = self._saved[address]
            return saved
        if address not in self._read:
            item = dynamodb.get(address.table, (address.pk, address.sk))
            self._read[address] = read_item(item) if item else None
        read: R | None = self._read[address]
        return read

    def encounter(self, encounter_id: str, *, closing: bool = False) -> EncounterRecord | None:
        """Read an Encounter. Raises ClosingUnderWay, unless the caller is who closes it."""
        record = self._record(keys.encounter(self.tenant, encounter_id), EncounterRecord.from_item)
        if record and record.closing and not closing:
            raise ClosingUnderWay(encounter_id)
        return record

    def communication(self, communication_id: str) -> CommunicationRecord | None:
        """Read a header or message, through the locator that a moved one has left."""
        for saved in self._saved.values():
            if isinstance(saved, CommunicationRecord) and saved.id == communication_id:
                return saved
        home = keys.communication_at(self.tenant, keys.home_place(communication_id))
        if home not in self._read:
            self._read[home] = reading.communication(self.tenant, communication_id)
        record: CommunicationRecord | None = self._read[home]
        return record

    def header(self, communication_id: str) -> CommunicationRecord | None:
        """Read a header after its slot, whose epoch is raised by whatever changes the header."""
        self.slot(SlotKey(communication_id))
        return self.communication(communication_id)

    def resource(self, resource_type: str, resource_id: str) -> Versioned | None:
        """Read a resource of any type."""
        if resource_type == "Encounter":
            return self.encounter(resource_id)
        if resource_type == "Communication":
            return self.communication(resource_id)
        address = keys.resource(self.tenant, resource_type, resource_id)
        return self._record(address, ResourceRecord.from_item)

    def slot(self, key: SlotKey) -> Slot:
        """Read a slot; one that was never written is empty."""
        record = self._record(keys.slot(self.tenant, key), items.slot)
        return record or Slot(key=key)

    def span(self, encounter_id: str, thread: str) -> Span | None:
        """Read a thread's range in a session."""
        return self._record(keys.span(self.tenant, encounter_id, thread), items.span)

    def pending(self, encounter_id: str) -> Pending | None:
        """Read the body that a closing waits to write."""
        return self._record(keys.pending(self.tenant, encounter_id), Pending.from_item)

    def adoptions(self, thread: str) -> list[Adoption]:
        """Read all adoptions of a thread, in order."""
        found = dynamodb.query_all(
            patterns.THREAD, f"{self.tenant}#{thread}", ("a#", "a#" + keys.AFTER_ALL)
        )
        stored = {row.epoch: row for row in map(items.adoption, found)}
        saved = {row.epoch: row for row in self._saved_as(Adoption) if row.thread == thread}
        return [row for _, row in sorted((stored | saved).items())]

    def spans(self, encounter_id: str) -> list[Span]:
        """Read the ranges of all threads that a session has or had."""
        partition = f"{self.tenant}#{encounter_id}"
        found = dynamodb.query_all(patterns.ENCOUNTER, partition, ("t#", "t#" + keys.AFTER_ALL))
        stored = {row.thread: row for row in map(items.span, found)}
        saved = {row.thread: row for row in self._saved_as(Span) if row.encounter == encounter_id}
        return [row for _, row in sorted((stored | saved).items())]

    def messages(
        self, thread: str, low: str = MESSAGES[0], high: str = MESSAGES[1]
    ) -> Iterator[CommunicationRecord]:
        """Read the messages of a thread between two sort keys, in order."""
        found = dynamodb.query_all(patterns.THREAD, f"{self.tenant}#{thread}", (low, high))
        stored = (CommunicationRecord.from_item(item) for item in found if "to" not in item)
        if not (saved := self._saved_messages(thread)):
            yield from stored
            return
        known = {one.id for one in saved}
        here = [one for one in saved if low <= one.place.sort <= high]
        others = (one for one in stored if one.id not in known)
        yield from sorted((*others, *here), key=lambda one: one.place.sort)

    def has_messages(self, thread: str) -> bool:
        """Tell whether a thread has, or had, a message."""
        if self._saved_messages(thread):
            return True
        found, _ = dynamodb.query(patterns.THREAD, f"{self.tenant}#{thread}", MESSAGES, limit=1)
        return bool(found)

    def _saved_as[R](self, kind: type[R]) -> list[R]:
        return [record for record in self._saved.values() if isinstance(record, kind)]

    def _saved_messages(self, thread: str) -> list[CommunicationRecord]:
        places = ((one, one.place) for one in self._saved_as(CommunicationRecord))
        return [one for one, place in places if place.is_message and place.thread == thread]

    def children(self, encounter_id: str) -> list[EncounterRecord]:
        """Read the Encounters whose partOf names this one."""
        partition = f"{self.tenant}#Encounter?part-of=Encounter/{encounter_id}"
        found = dynamodb.query_all(patterns.SEARCH, partition, keys.EVERYTHING)
        ids = [item["sk"]["S"].rpartition("#")[2] for item in found]
        saved = [one.id for one in self._saved_as(EncounterRecord)]
        records = [self.encounter(child) for child in dict.fromkeys((*ids, *saved))]

        def is_child(record: EncounterRecord) -> bool:
            # A job does not know the base that an absolute reference was written with: its row
            # does.
            by_row = self.as_read(record) == record and partition in dict(record.rows)
            return by_row or parent(record.resource) == encounter_id

        return [each for each in records if each and each.id != encounter_id and is_child(each)]

    def save(self, record: Record) -> None:
        """Write a record with this work; every write of an Encounter raises its `rev` by one."""
        address = address_of(record, self.tenant)
        if isinstance(record, EncounterRecord):
            before = self._read.get(address)
            record = changed(record, rev=before.rev + 1 if before else 1)
        self._saved[address] = record

    def remove(self, record: Pending) -> None:
        """Delete a record with this work."""
        self._saved[address_of(record, self.tenant)] = None

    def as_read[V: Versioned](self, record: V) -> V | None:
        """Give what a record was before this work; None where it was not there."""
        before: V | None = self._before(record.address(self.tenant), record)
        return before

    def has_read(self, record: Versioned) -> bool:
        """Tell whether a record is as this work read it."""
        return self.as_read(record) is record

    def _before(self, address: Address, record: Any) -> Any:
        """Give what a saved record was read as, also where it has moved since."""
        if isinstance(record, CommunicationRecord):
            return self._read.get(keys.communication_at(self.tenant, keys.home_place(record.id)))
        before = self._read.get(address)
        return Slot(key=record.key) if before is None and isinstance(record, Slot) else before
