"""The items of the tables, each decoded once for as long as it is stored unchanged.

A write in the in-memory database replaces an item, so an item that is the same object as before has
not changed. Items of other databases are decoded again after each scan.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from shared.audit import entries
from shared.audit.events import event_hash
from shared.catalog import access_patterns as patterns
from shared.events import handover, publishing
from shared.events.models import Event
from shared.rules.state import Adoption, Slot, Span
from shared.store import codec, guards, items, keys
from shared.store.audit_items import event_of
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    PendingEncounter,
    ResourceRecord,
    VersionedRecord,
)

TENANT = "-"
type Record = VersionedRecord | PendingEncounter | Slot | Span | Adoption
# The reference of a version's owner in each table begins with this; its key has the rest.
_OWNERS = {
    patterns.ENCOUNTER: "Encounter/",
    patterns.THREAD: "Communication/",
    patterns.RESOURCE: "",
}


@lru_cache(maxsize=512)
def unpacked_json(packed: bytes) -> bytes:
    """Return the JSON of an attribute. All rows of a resource have the same one."""
    return codec.unpack(packed)[0]


class StoredItem:
    """An item of a table, and what it holds."""

    def __init__(self, table: str, item: items.Item) -> None:
        self.table, self.item = table, item
        self.partition: str = item["pk"]["S"]
        self.sort: str = item["sk"]["S"]
        # The threshold of long Encounters with which the record's second rows were right.
        self.second_rows_checked_with: int | None = None

    @cached_property
    def key(self) -> tuple[str, str]:
        return self.partition, self.sort

    @cached_property
    def tenant(self) -> str:
        if self.partition.startswith("due#"):
            return self.sort.split("#")[1]
        if self.partition == patterns.HELD.partition:
            return self.sort.partition("#")[0]
        is_shared = self.partition.startswith(("reindex", patterns.ANY_SUBSCRIPTION.partition))
        return TENANT if is_shared else self.partition.partition("#")[0]

    @cached_property
    def kind(self) -> str:
        """Return what the item is, or "" for an item that no check is about."""
        if self.table in _OWNERS and self.sort.startswith("v#"):
            return "version"
        match self.table:
            case patterns.ENCOUNTER:
                return self._kind_beside_an_encounter()
            case patterns.THREAD:
                return self._kind_in_a_thread()
            case patterns.RESOURCE:
                return "resource" if self.sort == "current" else ""
            case patterns.SEARCH:
                return self._kind_for_searches()
            case _:
                return "event" if self.sort == "event" else ""

    def _kind_beside_an_encounter(self) -> str:
        if self.sort in ("current", "pending"):
            return {"current": "encounter", "pending": "pending"}[self.sort]
        return "span" if self.sort.startswith("t#") else "row"

    def _kind_in_a_thread(self) -> str:
        if self.sort.startswith(("state", "day#")):
            return "slot"
        if self.sort.startswith("a#"):
            return "adoption"
        is_own = (self.sort == "header" or self.sort.startswith("m#")) and "to" not in self.item
        return "communication" if is_own else ""

    def _kind_for_searches(self) -> str:
        if self.partition.startswith("due#"):
            return "due"
        if self.sort in ("guard", "claim"):
            return self.sort
        is_row = "?" in self.partition and not self.partition.startswith("reindex")
        return "row" if is_row or self.sort.startswith("r#") else ""

    @cached_property
    def record(self) -> Any:
        """Return the record of an item of one of the kinds that have one."""
        return _DECODERS[self.kind](self.item)

    @cached_property
    def reference(self) -> str:
        return f"{self.record.type}/{self.record.id}"

    @cached_property
    def json(self) -> bytes:
        """Return the JSON of a row that has the whole resource."""
        return unpacked_json(bytes(self.item["resource"]["B"]))

    @cached_property
    def guards(self) -> Counter[str]:
        """Return the partitions of the guards of a record's identifiers."""
        return Counter(
            keys.guard(self.tenant, self.record.type, *identifier).pk
            for identifier in guards.record_identifiers(self.record)
        )

    @cached_property
    def version(self) -> tuple[str, int]:
        """Return the reference of a version's owner, and the version's number."""
        named = self.sort.split("#")[1:-1]
        owner = named[0] if named else items.partition_without_tenant(self.item)
        return _OWNERS[self.table] + owner, int(self.item["version"]["N"])

    @cached_property
    def links(self) -> tuple[bytes, tuple[tuple[str, str], ...]]:
        """Return an event's hash, and each resource it is about with the hash it follows."""
        event = event_of(self.item)
        written = orjson.loads(event).get("written", ())
        return event_hash(event), tuple((reference, chain) for reference, _, _, chain in written)

    @cached_property
    def published_events(self) -> tuple[Event, ...]:
        """Return the events that are published of an event of the audit trail."""
        _, _, event_id = self.partition.partition("#")
        write = entries.entry(self.tenant, event_id, event_of(self.item))
        return tuple(publishing.events_of_transaction(handover.transaction(write)))


_DECODERS: dict[str, Any] = {
    "encounter": EncounterRecord.from_item,
    "pending": PendingEncounter.from_item,
    "span": items.span,
    "slot": items.slot,
    "adoption": items.adoption,
    "communication": CommunicationRecord.from_item,
    "resource": ResourceRecord.from_item,
}
# The items of each table of a database when it was last read, by their identities.
_known: WeakKeyDictionary[Any, dict[str, dict[int, StoredItem]]] = WeakKeyDictionary()


def decode(database: Any, table: str, present: Iterable[items.Item]) -> list[StoredItem]:
    """Return all items that a table of a database has at present."""
    tables = _known.setdefault(database, {})
    before = tables.get(table, {})
    # What is stored no longer is forgotten. A known item exists, so no other has its identity.
    tables[table] = {id(item): before.get(id(item)) or StoredItem(table, item) for item in present}
    return list(tables[table].values())
