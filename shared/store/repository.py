"""The repository of a unit of work: an identity map of the records it reads and saves."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.rules.classification import parent_id
from shared.rules.state import Adoption, Slot, SlotKey, Span
from shared.store import dynamodb, items, keys, reading
from shared.store.items import Item
from shared.store.keys import MESSAGE_RANGE, Address
from shared.store.operations import Record, address_of
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    PendingEncounter,
    ResourceRecord,
    VersionedRecord,
    with_changes,
)


class ClosingUnderWay(Exception):
    """The session is being closed; the caller must complete the closing and start again."""

    def __init__(self, encounter_id: str) -> None:
        """Name the session that is being closed."""
        super().__init__(encounter_id)
        self.encounter_id = encounter_id


class Repository:
    """Reads each record once, and keeps the records that are to be written.

    A read after a save returns what was saved, so that several changes can share a transaction.
    """

    def __init__(self, tenant: str, now: datetime) -> None:
        """Create a repository for a tenant, whose changes have the instant `now`."""
        self.tenant, self.now = tenant, now
        self._read: dict[Address, Any] = {}
        self._saved: dict[Address, Any] = {}

    @cached_property
    def instant(self) -> str:
        """The instant of this work, as it is written in `lastUpdated`."""
        return instants.to_text(self.now)

    @cached_property
    def milliseconds(self) -> int:
        """The instant of this work, in milliseconds since 1970."""
        return instants.to_nanoseconds(self.now) // instants.MILLISECOND

    def record[R](self, address: Address, read_item: Callable[[Item], R]) -> R | None:
        """Return the record at an address, or None; `read_item` makes it of the stored item."""
        if address not in self._saved and address not in self._read:
            item = dynamodb.get(address)
            self._read[address] = read_item(item) if item else None
        record: R | None = self._saved.get(address, self._read.get(address))
        return record

    def encounter(self, encounter_id: str, *, closing: bool = False) -> EncounterRecord | None:
        """Return an Encounter, or None. Raises ClosingUnderWay unless `closing` allows for that."""
        record = self.record(keys.encounter(self.tenant, encounter_id), EncounterRecord.from_item)
        if record and record.closing and not closing:
            raise ClosingUnderWay(encounter_id)
        return record

    def communication(self, communication_id: str) -> CommunicationRecord | None:
        """Return a header or message, following the locator if it has moved, or None."""
        for saved in self._saved.values():
            if isinstance(saved, CommunicationRecord) and saved.id == communication_id:
                return saved
        home = keys.communication_at(self.tenant, keys.home_place(communication_id))
        if home not in self._read:
            self._read[home] = reading.communication(self.tenant, communication_id)
        record: CommunicationRecord | None = self._read[home]
        return record

    def header(self, communication_id: str) -> CommunicationRecord | None:
        """Return a header, or None, after reading its slot.

        The slot is read first, because a change of the header's link, policy or subject raises
        its epoch.
        """
        self.slot(SlotKey(communication_id))
        return self.communication(communication_id)

    def resource(self, resource_type: str, resource_id: str) -> VersionedRecord | None:
        """Return a resource of any type, or None."""
        if resource_type == "Encounter":
            return self.encounter(resource_id)
        if resource_type == "Communication":
            return self.communication(resource_id)
        address = keys.resource(self.tenant, resource_type, resource_id)
        return self.record(address, ResourceRecord.from_item)

    def slot(self, key: SlotKey) -> Slot:
        """Return a slot, which is empty if it was never written."""
        record = self.record(keys.slot(self.tenant, key), items.slot)
        return record or Slot(key=key)

    def span(self, encounter_id: str, thread: str) -> Span | None:
        """Return a thread's span in a session, or None."""
        return self.record(keys.span(self.tenant, encounter_id, thread), items.span)

    def pending_encounter(self, encounter_id: str) -> PendingEncounter | None:
        """Return the resource that a closing is going to write, or None."""
        return self.record(keys.pending(self.tenant, encounter_id), PendingEncounter.from_item)

    def adoptions(self, thread: str) -> list[Adoption]:
        """Return all adoptions of a thread, in order of epochs."""
        stored = {row.epoch: row for row in reading.adoptions(self.tenant, thread)}
        saved = {row.epoch: row for row in self._saved_as(Adoption) if row.thread == thread}
        return [row for _, row in sorted((stored | saved).items())]

    def spans(self, encounter_id: str) -> list[Span]:
        """Return the spans of all threads that a session has or had, in order of threads."""
        stored = {row.thread: row for row in reading.spans(self.tenant, encounter_id)}
        saved = {row.thread: row for row in self._saved_as(Span) if row.encounter == encounter_id}
        return [row for _, row in sorted((stored | saved).items())]

    def messages(
        self, thread: str, low: str = MESSAGE_RANGE[0], high: str = MESSAGE_RANGE[1]
    ) -> Iterator[CommunicationRecord]:
        """Yield the messages of a thread in a range of sort keys, in order."""
        thread_items = dynamodb.query_all(patterns.THREAD, f"{self.tenant}#{thread}", (low, high))
        stored = (CommunicationRecord.from_item(item) for item in thread_items if "to" not in item)
        if not (saved := self._saved_messages(thread)):
            yield from stored
            return
        saved_ids = {message.id for message in saved}
        saved_in_range = [message for message in saved if low <= message.place.sort <= high]
        unsaved = (message for message in stored if message.id not in saved_ids)
        yield from sorted((*unsaved, *saved_in_range), key=lambda message: message.place.sort)

    def has_messages(self, thread: str) -> bool:
        """Return whether a thread has, or had, a message."""
        if self._saved_messages(thread):
            return True
        stored, _ = dynamodb.query(
            patterns.THREAD, f"{self.tenant}#{thread}", MESSAGE_RANGE, limit=1
        )
        return bool(stored)

    def _saved_as[R](self, kind: type[R]) -> list[R]:
        return [record for record in self._saved.values() if isinstance(record, kind)]

    def _saved_messages(self, thread: str) -> list[CommunicationRecord]:
        return [
            record
            for record in self._saved_as(CommunicationRecord)
            if record.place.is_message and record.place.thread == thread
        ]

    def children(self, encounter_id: str) -> list[EncounterRecord]:
        """Return the Encounters whose `partOf` names an Encounter."""
        partition = keys.children(self.tenant, encounter_id)
        rows = dynamodb.query_all(patterns.SEARCH, partition, keys.FULL_RANGE)
        ids = [item["sk"]["S"].rpartition("#")[2] for item in rows]
        saved = [record.id for record in self._saved_as(EncounterRecord)]
        records = [self.encounter(child_id) for child_id in dict.fromkeys((*ids, *saved))]

        def is_child(record: EncounterRecord) -> bool:
            # A job does not know the base URL of an absolute reference, but the stored row was
            # made by a function that did.
            by_row = self.as_read(record) == record and partition in dict(record.rows)
            return by_row or parent_id(record.resource) == encounter_id

        return [
            record
            for record in records
            if record and record.id != encounter_id and is_child(record)
        ]

    def save[R: Record](self, record: R) -> R:
        """Save a record, to be written with this work. Return it.

        The `rev` of an Encounter is one higher than that of the stored one.
        """
        address = address_of(record, self.tenant)
        if isinstance(record, EncounterRecord):
            before = self._read.get(address)
            record = with_changes(record, rev=before.rev + 1 if before else 1)
        self._saved[address] = record
        return record

    def remove(self, record: Record) -> None:
        """Mark a record that was read, to be deleted with this work."""
        self._saved[address_of(record, self.tenant)] = None

    def as_read[V: VersionedRecord](self, record: V) -> V | None:
        """Return a record as it was read, before this work, or None if there was none."""
        before: V | None = self._before(record.address(self.tenant), record)
        return before

    def is_unchanged(self, record: VersionedRecord) -> bool:
        """Return whether a record is the very one that this work read."""
        return self.as_read(record) is record

    def _before(self, address: Address, record: Any) -> Any:
        """Return what was read for a saved record, also if the record has moved since."""
        if isinstance(record, CommunicationRecord):
            return self._read.get(keys.communication_at(self.tenant, keys.home_place(record.id)))
        before = self._read.get(address)
        return Slot(key=record.key) if before is None and isinstance(record, Slot) else before
