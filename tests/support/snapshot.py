"""The contents of the tables at one moment, read directly from the database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.rules import classification
from shared.rules.state import Adoption, Slot, SlotKey, Span, adoption_of
from shared.store import dynamodb
from shared.store.records import CommunicationRecord, EncounterRecord, PendingEncounter
from tests.support import consistency
from tests.support.memory_database import Database
from tests.support.stored_items import decode

_KINDS = frozenset({"encounter", "pending", "span", "slot", "adoption", "communication"})


@dataclass
class Snapshot:
    """Every record by its id or key. `due` lists the Encounters that have a due row."""

    encounters: dict[str, EncounterRecord] = field(default_factory=dict)
    headers: dict[str, CommunicationRecord] = field(default_factory=dict)
    messages: dict[str, CommunicationRecord] = field(default_factory=dict)
    slots: dict[SlotKey, Slot] = field(default_factory=dict)
    spans: dict[tuple[str, str], Span] = field(default_factory=dict)
    adoptions: dict[str, list[Adoption]] = field(default_factory=dict)
    pending: set[str] = field(default_factory=set)
    due: list[str] = field(default_factory=list)

    def adoption(self, message: CommunicationRecord) -> Adoption | None:
        """Return the adoption that gave a message its session, or None."""
        if message.session or message.epoch is None:
            return None
        return adoption_of(message.epoch, self.adoptions.get(message.place.thread, []))

    def session(self, message: CommunicationRecord) -> str:
        """Return the id of a message's effective session."""
        adoption = self.adoption(message)
        return adoption.session if adoption else message.session

    def counting_messages(self, session_id: str) -> Iterator[CommunicationRecord]:
        """Return the counting messages of a session, except those adopted after its end."""
        for message in self.messages.values():
            adoption = self.adoption(message)
            late = adoption is not None and adoption.late
            if message.counts and not late and self.session(message) == session_id:
                yield message

    def children(self, session_id: str) -> Iterator[EncounterRecord]:
        """Return the Encounters that are part of an Encounter."""
        for record in self.encounters.values():
            if classification.parent_id(record.resource) == session_id:
                yield record

    def open_slots_of(self, session_id: str) -> list[Slot]:
        """Return the open slots that name a session."""
        return [slot for slot in self.slots.values() if slot.open and slot.session == session_id]


def take_snapshot(database: Database) -> Snapshot:
    """Return a snapshot. A record stays the same object while its item is stored unchanged."""
    result = Snapshot()
    for table in (patterns.ENCOUNTER, patterns.THREAD, patterns.SEARCH):
        present = database.all_items(dynamodb.table_name(table))
        for stored in decode(database, table, present):
            if stored.kind == "due":
                result.due.append(stored.sort.rpartition("#")[2])
            elif stored.kind in _KINDS:
                _put(result, stored.record)
    return result


def take_snapshot_of_tables() -> Snapshot:
    """Return a snapshot of a database that is not in memory."""
    memory = Database()
    for table in (patterns.ENCOUNTER, patterns.THREAD, patterns.SEARCH):
        for item in consistency.scan(table):
            memory.put_item(TableName=dynamodb.table_name(table), Item=item)
    return take_snapshot(memory)


def _put(result: Snapshot, record: Any) -> None:
    match record:
        case EncounterRecord():
            result.encounters[record.id] = record
        case PendingEncounter():
            result.pending.add(record.encounter)
        case Span():
            result.spans[record.encounter, record.thread] = record
        case Slot():
            result.slots[record.key] = record
        case Adoption():
            result.adoptions.setdefault(record.thread, []).append(record)
        case CommunicationRecord():
            kind = result.messages if record.place.is_message else result.headers
            assert record.id not in kind, f"{record.id} is stored twice"
            kind[record.id] = record
