"""The unit of work of a caller, which depends on their rights and leaves an audit event."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from shared import metrics
from shared.access.caller import AccessBasis, Caller
from shared.access.visibility import Visibility
from shared.audit import events, trail
from shared.fhir import ulids
from shared.rules import compartments, domain_events
from shared.rules.classification import parent_id
from shared.rules.domain_events import DomainEvent, SessionClosed, SessionOpened
from shared.rules.state import Adoption, Figures, Slot, SlotKey
from shared.settings import settings
from shared.store import keys, reading
from shared.store.records import CommunicationRecord, EncounterRecord, VersionedRecord
from shared.store.unit_of_work import UnitOfWork


class AuditedUnitOfWork(UnitOfWork):
    """A unit of work for a caller: conditional on their rights, with one audit event."""

    def __init__(self, caller: Caller, now: datetime) -> None:
        """Create a unit of work for a caller, at an instant."""
        super().__init__(caller.tenant, now, by_patient=caller.is_patient_or_relative)
        self.caller = caller

    def preceding_work(self) -> "AuditedUnitOfWork":
        """Return a unit of work with what this one has read, to be committed before it."""
        first = AuditedUnitOfWork(self.caller, self.now)
        first.continue_from(self)
        return first

    @cached_property
    def visibility(self) -> Visibility:
        """The caller's view of the store, including what this work has saved."""
        return Visibility(
            self.caller,
            header=self.header,
            children=lambda encounter_id: [child.resource for child in self.children(encounter_id)],
            read=self._resource_now,
            rely_on=self._require_seen_by,
        )

    def _resource_now(self, resource_type: str, resource_id: str) -> dict[str, Any] | None:
        record = self.resource(resource_type, resource_id)
        return record.resource if record else None

    def require_access_basis(self, resources: Iterable[AccessBasis]) -> None:
        """Require that the resources which the caller's rights come from stay as they were read."""
        for resource in resources:
            address = keys.resource(self.tenant, resource.type, resource.id)
            self.require_version(address, resource.version)

    def _require_seen_by(self, resource: dict[str, Any]) -> None:
        """Require that a resource through which the caller sees another stays as it was read."""
        record = self.resource(resource["resourceType"], resource["id"])
        if record and self.is_unchanged(record):
            self.require_unchanged(record)

    def commit(self, interaction: str) -> bool:
        """Write everything with its event, and return whether anything had changed.

        If nothing had, nothing is written. Raises what `transactions.send` does.
        """
        changes = self.changes()
        if not changes:
            return False
        event_id = ulids.new(self.milliseconds)
        written = self._written_versions(changes)
        self.send(event_id, *self._event(interaction, written))
        trail.current().event_ids.append(event_id)
        _count_sessions(written)
        return True

    def dry_run(self, interaction: str) -> None:
        """Make the transaction that `commit` would send, without sending it.

        Raises BusinessRule if a resource has too many indexed values.
        """
        written = self._written_versions(self.changes())
        self.transaction(ulids.new(self.milliseconds), *self._event(interaction, written))

    def _written_versions(self, changes: Iterable[tuple[Any, Any]]) -> list[events.WrittenVersion]:
        return [
            self._written(record, before)
            for record, before in changes
            if isinstance(record, VersionedRecord)
        ]

    def _event(
        self, interaction: str, written: Iterable[events.WrittenVersion]
    ) -> tuple[bytes, bytes]:
        return events.of_transaction(
            who=self.caller.audit_claims,
            interaction=interaction,
            at=self.instant,
            written=written,
            origin=trail.current().origin,
            keeps=settings().audit_retention_days,
        )

    def _written(
        self, record: VersionedRecord, before: VersionedRecord | None
    ) -> events.WrittenVersion:
        is_same = before is not None and before.version == record.version
        was = before.resource if before else {}
        # Whoever it was about before is concerned by the change, too.
        patients = self._patients(record.resource or was) | compartments.patients(was)
        return events.WrittenVersion(
            f"{record.type}/{record.id}",
            record.version,
            events.UPDATED if is_same else _action(record, before),
            before.chain if before else b"",
            patients,
            events.content_hash(
                record.created,
                events.version_hash(record.json, record.updated, record.file_hash),
            ),
            is_same=is_same,
            domain_events=self._domain_events(record, before),
        )

    def _domain_events(
        self, record: VersionedRecord, before: VersionedRecord | None
    ) -> Sequence[DomainEvent]:
        """Return the events of a resource as a session, a message or a thread."""
        was = before.resource if before else {}
        if isinstance(record, EncounterRecord):
            return domain_events.of_session(
                was,
                record.resource,
                settings().encounter_type_system,
                policy=record.policy,
                figures=record.figures,
                earlier=before.figures if isinstance(before, EncounterRecord) else Figures(),
            )
        if not isinstance(record, CommunicationRecord):
            return ()
        earlier = before.session if isinstance(before, CommunicationRecord) else ""
        return [
            *domain_events.of_message(earlier, record.session, record.place.thread, record.at),
            *domain_events.of_thread(was, record.resource, self._waiting_since(record.id)),
        ]

    def _waiting_since(self, thread: str) -> str:
        """Return the *at* of the first message that this work lets a session adopt, if any."""
        if not any(adoption.thread == thread for adoption in self._saved_as(Adoption)):
            return ""
        slot: Slot | None = self._read.get(keys.slot(self.tenant, SlotKey(thread)))
        # Messages that the same work creates may wait, too, in a slot that is not stored yet.
        new = (message.at for message in self._saved_messages(thread) if message.epoch is not None)
        return min(filter(None, (slot.figures.first if slot else "", *new)), default="")

    def _patients(self, resource: dict[str, Any]) -> frozenset[str]:
        """Return the patients of a resource, its own or those of what it belongs to."""
        own_patients = compartments.patients(resource)
        if not (through := compartments.patient_sources(resource, own_patients)):
            return own_patients
        from shared.audit import indirect_patients  # noqa: PLC0415 - most resources name their patient

        return own_patients | indirect_patients.patients(through, self._about, self._parts)

    def _about(self, resource_type: str, resource_id: str) -> dict[str, Any]:
        address = keys.current(self.tenant, resource_type, resource_id)
        record = self._saved.get(address) or self._read.get(address)
        if record is None:
            record = reading.current(self.tenant, resource_type, resource_id)
        return record.resource if isinstance(record, VersionedRecord) else {}

    def _parts(self, encounter_id: str) -> list[dict[str, Any]]:
        saved_encounters = [part.resource for part in self._saved_as(EncounterRecord)]
        saved_parts = [part for part in saved_encounters if parent_id(part) == encounter_id]
        return [*saved_parts, *reading.children(self.tenant, encounter_id)]


def _action(record: VersionedRecord, before: VersionedRecord | None) -> str:
    """Return what a new version does to a resource: create, update or delete it."""
    if record.deleted:
        return events.DELETED
    return events.CREATED if before is None or before.deleted else events.UPDATED


def _count_sessions(written: Iterable[events.WrittenVersion]) -> None:
    """Record metrics of the sessions that were opened and closed."""
    for event in (event for version in written for event in version.domain_events):
        if isinstance(event, SessionOpened | SessionClosed):
            metrics.record(
                metrics.OPENED if isinstance(event, SessionOpened) else metrics.CLOSED,
                policy=event.policy or metrics.ANY_POLICY,
            )
