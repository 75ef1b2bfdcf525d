"""Writing a Communication: a header with its link to a session, or a message in its thread."""

from datetime import datetime
from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule
from shared.fhir import ulids
from shared.fhir.fhirjson import Resource
from shared.references import checks
from shared.rules import classification, people, policy_extension, times, transitions
from shared.rules import linking as linking_rules
from shared.rules.policies import Policy
from shared.rules.state import SlotKey
from shared.sessions import attaching, linking, messages, policy_lookup
from shared.sessions.messages import PART_OF
from shared.settings import settings
from shared.store import keys, versions
from shared.store.keys import LONGEST_HEADER_ID
from shared.store.records import CommunicationRecord


def new_id(resource: Resource, now: datetime) -> str:
    """Return a new id for a Communication. A message's id has its thread and its place there."""
    header = classification.header_id(resource)
    if header:
        order = times.order_milliseconds(resource, now, settings().zone)
        ulid = ulids.new(order)
        return f"{header}.{ulid}" if len(header) <= LONGEST_HEADER_ID else ulid
    return ulids.new(int(now.timestamp() * 1000))


def create(work: AuditedUnitOfWork, communication_id: str, after: Resource) -> CommunicationRecord:
    """Save a new Communication."""
    return update(work, versions.blank_communication(work, communication_id), after)


def update(
    work: AuditedUnitOfWork, before: CommunicationRecord, after: Resource
) -> CommunicationRecord:
    """Save a Communication's next version, which may be its first, or restore a deleted one."""
    header_id = classification.header_id(after)
    if header_id:
        return messages.write(work, before, after, header_id)
    if before.place.is_message:
        raise BusinessRule(
            "A message cannot lose its header",
            expression=PART_OF,
            diagnostics=f"Keep Communication/{before.place.thread} in partOf",
        )
    if keys.home_place(before.id).is_message:
        raise BusinessRule(
            "An id of this form is reserved for messages of the thread that it begins with",
            expression="Communication.id",
            diagnostics="Choose another id",
        )
    return _write_header(work, before, after)


def delete(work: AuditedUnitOfWork, before: CommunicationRecord) -> CommunicationRecord:
    """Save a Communication's deletion. A deleted header's thread takes no more messages."""
    deleted = versions.next_communication(work, before, None, counts=False)
    if before.place.is_message:
        return messages.save(work, before, deleted)
    linking.detach_thread(work, before.id, is_gone=True)
    return work.save(deleted)


def _write_header(
    work: AuditedUnitOfWork, before: CommunicationRecord, after: Resource
) -> CommunicationRecord:
    """Save a header with its next version, and what that changes for its thread."""
    previous = before.resource
    policy = policy_extension.policy_of(after, policy_lookup.default_policy())
    after = _with_kept_link(work, before, after, policy)
    checks.require_targets(work, previous, after)
    changes: dict[str, Any] = {}
    if classification.encounter_id(previous) != classification.encounter_id(after):
        patient = people.patient_reference(after)
        plain = linking.relink(work, before.id, classification.encounter_id(after), policy, patient)
        changes = {"plain": plain, "day": policy.day_of(work.now)}
    elif before.version and any(
        previous.get(name) != after.get(name) for name in ("subject", "extension")
    ):
        work.save(transitions.slot_with_next_epoch(work.slot(SlotKey(before.id))))
    if linking_rules.is_thread_ended(policy, previous.get("status", ""), after["status"]):
        linking.detach_thread(work, before.id)
    return work.save(versions.next_communication(work, before, after, **changes))


def _with_kept_link(
    work: AuditedUnitOfWork, before: CommunicationRecord, after: Resource, policy: Policy
) -> Resource:
    """Return a header with its stored link, if that is kept against the write."""
    keeps = linking_rules.keeps_link(
        policy,
        classification.encounter_id(before.resource),
        classification.encounter_id(after),
        is_omitted="encounter" not in after,
        had_session=attaching.had_session_check(work, before.id),
    )
    return after | {"encounter": before.resource["encounter"]} if keeps else after
