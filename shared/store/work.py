"""One unit of work: the records that a change reads and writes, and the transaction it becomes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared import metrics
from shared.access import Actor, Ground
from shared.access.visibility import Sight
from shared.audit import events, trail
from shared.catalog import access_patterns as patterns
from shared.catalog.types import CARE
from shared.fhir import instants, ulids
from shared.fhir.references import Literal
from shared.rules import compartments
from shared.rules.classification import is_open, is_session, parent
from shared.rules.state import Adoption, Slot, SlotKey, Span
from shared.settings import settings
from shared.store import dynamodb, guards, items, keys, reading, transactions
from shared.store.audit_items import event_item
from shared.store.index.rows import rows
from shared.store.items import Item
from shared.store.keys import MESSAGES, Address
from shared.store.operations import (
    ABSENT,
    Operation,
    Record,
    address_of,
    check,
    delete,
    operations,
    put,
)
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    Pending,
    ResourceRecord,
    Versioned,
    changed,
)

if TYPE_CHECKING:
    from shared.store.quotas import Quota


class ClosingUnderWay(Exception):
    """The session is being closed: whoever meets that completes the closing first."""

    def __init__(self, encounter_id: str) -> None:
        """Name the session."""
        super().__init__(encounter_id)
        self.encounter_id = encounter_id


class Work:
    """Reads each record once, keeps what is to be written, and writes it all or not at all.

    A read after a save gives what was saved, so that several changes can be made in one.
    """

    def __init__(self, actor: Actor, now: datetime) -> None:
        """Begin for a caller at an instant."""
        self.actor, self.now = actor, now
        self.tenant = actor.tenant
        self._read: dict[Address, Any] = {}
        self._saved: dict[Address, Any] = {}
        self._required: dict[Address, Operation] = {}
        self._there: dict[Literal, tuple[Address, Operation]] = {}
        self._claims: dict[Address, str] = {}
        self._spent: dict[Quota, int] = {}
        self.coming: dict[Literal, dict[str, Any] | None] = {}
        # Whether the transaction itself may find out that what it refers to is not there.
        self.trusting = False
        # Closings of several transactions: whether to begin them so, and those that were.
        self.in_steps = False
        self.begun: list[str] = []

    @property
    def instant(self) -> str:
        """The instant of this work, as `lastUpdated` writes it."""
        return instants.written(self.now)

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
        home = keys.placed(self.tenant, keys.home(communication_id))
        if home not in self._read:
            self._read[home] = reading.communication(self.tenant, communication_id)
        record: CommunicationRecord | None = self._read[home]
        return record

    def header(self, communication_id: str) -> CommunicationRecord | None:
        """Read a header after its slot, whose epoch is raised by whatever changes the header."""
        self.slot(SlotKey(communication_id))
        return self.communication(communication_id)

    @cached_property
    def sight(self) -> Sight:
        """What the caller sees of what is stored, and of what this work has saved."""
        return Sight(
            self.actor,
            header=self.header,
            children=self._children,
            rely_on=self._require_seen_by,
        )

    def _children(self, encounter_id: str) -> list[dict[str, Any]]:
        return [child.resource for child in self.children(encounter_id)]

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

    def require(self, record: Versioned | Slot) -> None:
        """Make the work depend on a resource staying as it was read, or on a slot's epoch."""
        address = address_of(record, self.tenant)
        if isinstance(record, EncounterRecord):
            required = check(address, "#rev = :rev", rev={"N": str(record.rev)})
        elif isinstance(record, Versioned):
            required = check(address, "#version = :v", v={"N": str(record.version)})
        elif record.rev:
            required = check(address, "#epoch = :epoch", epoch={"N": str(record.epoch)})
        else:
            required = check(address, ABSENT)
        self._required[address] = required

    def rely_on(self, grounds: Iterable[Ground]) -> None:
        """Make the work depend on what the caller's rights come from staying as it was read."""
        for ground in grounds:
            address = keys.resource(self.tenant, ground.type, ground.id)
            version = {"v": {"N": str(ground.version)}} if ground.version else {}
            condition = "#version = :v" if version else ABSENT
            self._required[address] = check(address, condition, **version)

    def _require_seen_by(self, resource: dict[str, Any]) -> None:
        """Make the work depend on what lets the caller see another resource."""
        record = self.resource(resource["resourceType"], resource["id"])
        if record and self.has_read(record):
            self.require(record)

    def require_there(self, record: Versioned) -> None:
        """Make the work depend on a resource being there, whatever others make of it meanwhile."""
        self._require_there(Literal(record.type, record.id), record.address(self.tenant))

    def require_unread(self, target: Literal) -> bool:
        """Make the work depend on a resource that nobody has read; tell whether that will do."""
        address = keys.resource(self.tenant, *target)
        is_known = address in self._saved or address in self._read
        if not self.trusting or is_known or target.type in CARE:
            return False
        self._require_there(target, address)
        return True

    def _require_there(self, target: Literal, address: Address) -> None:
        moved = " AND attribute_not_exists(#to)" if target.type == "Communication" else ""
        condition = f"attribute_exists(#pk) AND attribute_not_exists(#deleted){moved}"
        self._there[target] = address, check(address, condition)

    def before(self) -> "Work":
        """Begin a work on what this one has read, to be committed before it."""
        first = Work(self.actor, self.now)
        first._read, first._required = dict(self._read), dict(self._required)
        return first

    def expect(self, target: Literal, body: dict[str, Any] | None) -> None:
        """Make known to all parts of the work what one will write, or with None delete."""
        self.coming[target] = body

    def claim(self, guard: Address, last: str) -> None:
        """Make the work depend on a guard staying as it was read, before a search found nothing."""
        self._claims[guard] = last

    def spend(self, quota: "Quota") -> bool:
        """Use one of a quota with this work. Return whether there is one left."""
        from shared.store import quotas  # noqa: PLC0415 - only patients have quotas

        spent = self._spent.get(quota, 0)
        if quotas.used(quota) + spent >= quota.most:
            return False
        self._spent[quota] = spent + 1
        return True

    def commit(self, interaction: str) -> bool:
        """Write everything and its audit row in one transaction; nothing where nothing changed.

        Return whether something did. Raises what `transactions.send` raises.
        """
        saved = self._changes()
        if not saved:
            return False
        event_id = ulids.new(self.milliseconds)
        transactions.send(self._transaction(interaction, saved, event_id))
        trail.current().written.append(event_id)
        self._note(saved.values())
        return True

    def rehearse(self, interaction: str) -> None:
        """Make the transaction that everything would be written in, and write nothing.

        Raises what making it raises, such as BusinessRule where a resource has too many values.
        """
        self._transaction(interaction, self._changes(), ulids.new(self.milliseconds))

    def _changes(self) -> dict[Address, Any]:
        """Return what was saved and is not as it was read."""
        return {
            address: record
            for address, record in self._saved.items()
            if record != self._before(address, record)
        }

    def _transaction(
        self, interaction: str, saved: dict[Address, Any], event_id: str
    ) -> list[Operation]:
        content, chain = self._event(interaction, saved)
        done: list[Operation] = []
        for address, record in saved.items():
            done += self._operations(address, record, chain)
        done += [each for address, each in self._required.items() if address not in saved]
        done += self._still_there(saved)
        done += guards.operations(
            [
                (record, self._before(address, record))
                for address, record in saved.items()
                if isinstance(record, Versioned)
            ],
            self._claims,
            tenant=self.tenant,
            work=event_id,
            now=self.now,
        )
        done += self._quotas()
        address = keys.address(patterns.EVENT, self.tenant, ulid=event_id)
        done.append(put(address, event_item(content, self.now)))
        return done

    def _quotas(self) -> Iterator[Operation]:
        if self._spent:
            from shared.store import quotas  # noqa: PLC0415 - only patients have quotas

            yield from (quotas.operation(quota, more) for quota, more in self._spent.items())

    def _still_there(self, saved: Mapping[Address, Any]) -> Iterator[Operation]:
        """Give the checks of what is referred to, but of what this writes or holds anyhow."""
        written = {
            Literal(one.type, one.id) for one in saved.values() if isinstance(one, Versioned)
        }
        for target, (address, operation) in self._there.items():
            if target not in written and address not in self._required:
                yield operation

    def _note(self, written: Iterable[Any]) -> None:
        """Count the sessions that this opened or ended."""
        for record in written:
            if isinstance(record, EncounterRecord):
                before = self.as_read(record)
                was, now = _is_open_session(before), _is_open_session(record)
                if was != now:
                    policy = record.policy or metrics.ANY
                    metrics.note(metrics.OPENED if now else metrics.CLOSED, policy=policy)

    @property
    def milliseconds(self) -> int:
        """The instant of this work, since 1970."""
        return instants.nanoseconds(self.now) // instants.MILLISECOND

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
            return self._read.get(keys.placed(self.tenant, keys.home(record.id)))
        before = self._read.get(address)
        return Slot(key=record.key) if before is None and isinstance(record, Slot) else before

    def _operations(self, address: Address, record: Any, chain: bytes) -> Iterator[Operation]:
        before = self._before(address, record)
        if record is None:
            yield delete(address)
        elif isinstance(record, Versioned):
            record = self._indexed(record, before, chain)
            yield from operations(record, before, self.tenant)
        else:
            yield from operations(record, before, self.tenant)

    def _indexed[V: Versioned](self, record: V, before: V | None, chain: bytes) -> V:
        """Give a record as it is written: with its rows, and the next link of its chain."""
        is_long = isinstance(record, EncounterRecord) and record.is_long
        was_long = isinstance(before, EncounterRecord) and before.is_long
        if before and record.version == before.version and is_long is was_long:
            return changed(record, chain=chain, rows=before.rows)
        keys_of_rows: tuple[tuple[str, str], ...] = ()
        if not record.deleted:
            keys_of_rows = rows(record.resource, record.created, self.tenant, is_long=is_long)
        return changed(record, chain=chain, rows=keys_of_rows)

    def _event(self, interaction: str, saved: dict[Address, Any]) -> tuple[bytes, bytes]:
        written = [
            self._written(address, record)
            for address, record in saved.items()
            if isinstance(record, Versioned)
        ]
        return events.of_transaction(
            who=self.actor.who,
            interaction=interaction,
            at=self.instant,
            written=written,
            origin=trail.current().origin,
            keeps=settings().audit_retention_days,
        )

    def _written(self, address: Address, record: Versioned) -> events.Written:
        before = self._before(address, record)
        action = "D" if record.deleted else "C" if before is None or before.deleted else "U"
        was = before.resource if before else {}
        # Whoever it was about, and is no more, has lost it.
        about = self._patients(record.resource or was) | compartments.patients(was)
        return events.Written(
            f"{record.type}/{record.id}",
            record.version,
            action,
            before.chain if before else b"",
            about,
            events.content(record.created, events.body(record.json, record.updated)),
        )

    def _patients(self, resource: dict[str, Any]) -> frozenset[str]:
        """Return whom a resource is about, by itself or through what it belongs to."""
        own = compartments.patients(resource) if resource else frozenset()
        if not (through := compartments.through(resource)):
            return own
        from shared.audit import indirect_patients  # noqa: PLC0415 - most resources name their patient

        return own | indirect_patients.patients(through, self._about, self._parts)

    def _about(self, resource_type: str, resource_id: str) -> dict[str, Any]:
        address = keys.current(self.tenant, resource_type, resource_id)
        record = self._saved.get(address) or self._read.get(address)
        if record is None:
            record = reading.current(self.tenant, resource_type, resource_id)
        return record.resource if isinstance(record, Versioned) else {}

    def _parts(self, encounter_id: str) -> list[dict[str, Any]]:
        saved = [one.resource for one in self._saved_as(EncounterRecord)]
        parts = [one for one in saved if parent(one) == encounter_id]
        return [*parts, *reading.children(self.tenant, encounter_id)]


def _is_open_session(record: EncounterRecord | None) -> bool:
    if record is None or record.deleted or not is_open(record.resource):
        return False
    return is_session(record.resource, settings().encounter_type_system)
