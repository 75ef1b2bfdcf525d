"""The unit of work: turns what a change read, saved and required into one transaction."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from shared.catalog.types import SESSION_TYPES
from shared.fhir.references import Literal
from shared.rules.state import Slot
from shared.store import guards, keys, transactions
from shared.store.audit_items import event_address, event_item
from shared.store.index.rows import row_keys
from shared.store.keys import Address
from shared.store.operations import (
    ABSENT,
    Operation,
    Record,
    address_of,
    condition_check,
    delete,
    put,
    write_operations,
)
from shared.store.records import EncounterRecord, VersionedRecord, with_changes
from shared.store.repository import Repository

if TYPE_CHECKING:  # only patients have quotas
    from shared.store.quotas import Quota


class UnitOfWork(Repository):
    """Writes everything that was saved, in one transaction conditional on what was required."""

    def __init__(self, tenant: str, now: datetime, *, by_patient: bool = False) -> None:
        """Create a unit of work.

        `by_patient` marks what it creates as made by a patient or related person.
        """
        super().__init__(tenant, now)
        self.patient_made = by_patient
        self._required: dict[Address, Operation] = {}
        self._existing: dict[Literal, tuple[Address, Operation]] = {}
        self._claims: dict[Address, str] = {}
        self._spent: dict[Quota, int] = {}
        self.planned_writes: dict[Literal, dict[str, Any] | None] = {}
        # Whether to leave it to the transaction's conditions that a reference's target exists.
        self.defers_existence_checks = False
        # Whether the change may take several transactions, because it does not fit in one.
        self.may_span_transactions = False
        # The sessions whose closing this work begins; the caller completes it after the commit.
        self.begun_closings: list[str] = []

    def continue_from(self, other: Self) -> None:
        """Copy what another unit of work has read and requires."""
        self._read, self._required = dict(other._read), dict(other._required)

    def require_version(self, address: Address, version: int) -> None:
        """Require that a resource has a version; version 0 requires that it never existed."""
        condition, values = (
            ("#version = :v", {"v": {"N": str(version)}}) if version else (ABSENT, {})
        )
        self._required[address] = condition_check(address, condition, **values)

    def require_unchanged(self, record: VersionedRecord | Slot) -> None:
        """Require that a resource stays as it was read, or that a slot keeps its epoch."""
        address = address_of(record, self.tenant)
        if isinstance(record, EncounterRecord):
            required = condition_check(address, "#rev = :rev", rev={"N": str(record.rev)})
        elif isinstance(record, VersionedRecord):
            required = condition_check(address, "#version = :v", v={"N": str(record.version)})
        elif record.rev:
            required = condition_check(address, "#epoch = :epoch", epoch={"N": str(record.epoch)})
        else:
            required = condition_check(address, ABSENT)
        self._required[address] = required

    def require_existing(self, record: VersionedRecord) -> None:
        """Require that a resource exists, in whatever version."""
        self._require_existing(Literal(record.type, record.id), record.address(self.tenant))

    def require_existing_unread(self, target: Literal) -> bool:
        """Require that an unread resource exists, and return whether that suffices.

        It does not suffice for an Encounter or a Communication, for what this work has read or
        saved, or if a missing target must be named: the caller must then read the resource.
        """
        address = keys.resource(self.tenant, *target)
        is_known = address in self._saved or address in self._read
        if not self.defers_existence_checks or is_known or target.type in SESSION_TYPES:
            return False
        self._require_existing(target, address)
        return True

    def _require_existing(self, target: Literal, address: Address) -> None:
        moved = " AND attribute_not_exists(#to)" if target.type == "Communication" else ""
        condition = f"attribute_exists(#pk) AND attribute_not_exists(#deleted){moved}"
        self._existing[target] = address, condition_check(address, condition)

    def plan_write(self, target: Literal, body: dict[str, Any] | None) -> None:
        """Announce a body that this work is going to write, or a deletion with None."""
        self.planned_writes[target] = body

    def require_guard(self, guard: Address, last: str) -> None:
        """Require that a guard stays as it was before a search that found nothing.

        `last` is what `guards.last_writer` returned then.
        """
        self._claims[guard] = last

    def use_quota(self, quota: "Quota") -> bool:
        """Use one of a quota with this work, and return whether there was one left."""
        spent = self._spent.get(quota, 0)
        if quota.used() + spent >= quota.most:
            return False
        self._spent[quota] = spent + 1
        return True

    def changes(self) -> list[tuple[Record | None, Any]]:
        """Return the saved records that differ from what was read, each with what was read."""
        return [*self._changed().values()]

    def _changed(self) -> dict[Address, tuple[Any, Any]]:
        pairs = {
            address: (record, self._before(address, record))
            for address, record in self._saved.items()
        }
        return {address: pair for address, pair in pairs.items() if pair[0] != pair[1]}

    def send(self, event_id: str, event: bytes, chain: bytes) -> None:
        """Write everything with its audit event, or nothing. Raises what `transactions.send` does.

        `chain` is the hash of the event, the next link in the chain of each resource.
        """
        transactions.send(self.transaction(event_id, event, chain))

    def transaction(self, event_id: str, event: bytes, chain: bytes) -> list[Operation]:
        """Return the operations of the transaction.

        Raises BusinessRule if a resource has too many indexed values.
        """
        saved = self._changed()
        writes = [
            operation
            for address, (record, before) in saved.items()
            for operation in self._operations(address, record, before, chain)
        ]
        writes += [check for address, check in self._required.items() if address not in saved]
        writes += self._existence_checks(saved)
        versions = [pair for pair in saved.values() if isinstance(pair[0], VersionedRecord)]
        writes += guards.operations(
            versions, self._claims, tenant=self.tenant, work=event_id, now=self.now
        )
        writes += [quota.operation(more) for quota, more in self._spent.items()]
        writes.append(put(event_address(self.tenant, event_id), event_item(event, self.now)))
        return writes

    def _existence_checks(self, saved: Mapping[Address, tuple[Any, Any]]) -> Iterator[Operation]:
        """Yield the checks that targets exist, except those that this work writes or checks."""
        written = {
            Literal(record.type, record.id)
            for record, _ in saved.values()
            if isinstance(record, VersionedRecord)
        }
        for target, (address, operation) in self._existing.items():
            if target not in written and address not in self._required:
                yield operation

    def _operations(
        self, address: Address, record: Any, before: Any, chain: bytes
    ) -> Iterator[Operation]:
        if record is None:
            yield delete(address)
            return
        if isinstance(record, VersionedRecord):
            record = self._indexed(record, before, chain)
        yield from write_operations(record, before, self.tenant)

    def _indexed[V: VersionedRecord](self, record: V, before: V | None, chain: bytes) -> V:
        """Return a record with its index rows and the next link of its chain."""
        if before and record.version == before.version and record.is_long is before.is_long:
            return with_changes(record, chain=chain, rows=before.rows)
        rows = (
            ()
            if record.deleted
            else row_keys(record.resource, record.created, self.tenant, is_long=record.is_long)
        )
        return with_changes(record, chain=chain, rows=rows)
