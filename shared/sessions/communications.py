"""Writing a Communication: a header with its link to a session, or a message in its thread."""

from datetime import datetime
from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule
from shared.fhir import ulids
from shared.references import checks
from shared.rules import classification, new_session, policy_extension, times, transitions
from shared.rules import linking as linking_rules
from shared.rules.policies import Policy
from shared.rules.state import SlotKey
from shared.sessions import attaching, linking, messages, patients, policy_lookup
from shared.settings import settings
from shared.store import keys, versions
from shared.store.keys import HEADER_SORT, LONGEST_HEADER_ID, Place
from shared.store.records import CommunicationRecord

type Resource = dict[str, Any]
_PART_OF = "Communication.partOf"


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
    return _save(work, None, communication_id, after)


def update(
    work: AuditedUnitOfWork, before: CommunicationRecord, after: Resource
) -> CommunicationRecord:
    """Save a Communication's next version, which may restore a deleted one."""
    return _save(work, before, before.id, after)


def delete(work: AuditedUnitOfWork, before: CommunicationRecord) -> CommunicationRecord:
    """Save a Communication's deletion. A deleted header's thread takes no more messages."""
    deleted = versions.next_communication(work, before, None, counts=False)
    if before.place.is_message:
        return messages.save(work, before, deleted)
    linking.detach_thread(work, before.id, gone=True)
    work.save(deleted)
    return deleted


def _save(
    work: AuditedUnitOfWork, before: CommunicationRecord | None, own_id: str, after: Resource
) -> CommunicationRecord:
    header_id = classification.header_id(after)
    if header_id:
        return _save_message(work, before, own_id, after, header_id)
    if before and before.place.is_message:
        raise BusinessRule(
            "A message cannot lose its header",
            expression=_PART_OF,
            diagnostics=f"Keep Communication/{before.place.thread} in partOf",
        )
    if keys.home_place(own_id).is_message:
        raise BusinessRule(
            "An id of this form is reserved for messages of the thread that it begins with",
            expression="Communication.id",
            diagnostics="Choose another id",
        )
    return _save_header(work, before, own_id, after)


def _save_header(
    work: AuditedUnitOfWork, before: CommunicationRecord | None, own_id: str, after: Resource
) -> CommunicationRecord:
    previous = before.resource if before else {}
    policy = policy_extension.policy_of(after, policy_lookup.default_policy())
    after = _with_kept_link(work, own_id, previous, after, policy)
    checks.require_targets(work, previous, after)
    changes: dict[str, Any] = {}
    if classification.encounter_id(previous) != classification.encounter_id(after):
        patient = new_session.patient_reference(after)
        plain = linking.relink(work, own_id, classification.encounter_id(after), policy, patient)
        changes = {"plain": plain, "day": policy.day_of(work.now)}
    elif before and any(previous.get(name) != after.get(name) for name in ("subject", "extension")):
        work.save(transitions.slot_with_next_epoch(work.slot(SlotKey(own_id))))
    if policy.ends_with_threads and _is_completed(previous, after):
        linking.detach_thread(work, own_id)
    if before:
        saved = versions.next_communication(work, before, after, **changes)
    else:
        place = Place(own_id, HEADER_SORT)
        saved = versions.first_communication(work, own_id, after, place=place, **changes)
    work.save(saved)
    return saved


def _is_completed(previous: Resource, after: Resource) -> bool:
    was_open = previous.get("status") in classification.OPEN_HEADER_STATUSES
    return was_open and after.get("status") not in classification.OPEN_HEADER_STATUSES


def _with_kept_link(
    work: AuditedUnitOfWork, own_id: str, previous: Resource, after: Resource, policy: Policy
) -> Resource:
    """Return a header with its stored link, if that is kept against the write."""
    keeps = linking_rules.keeps_link(
        policy,
        classification.encounter_id(previous),
        classification.encounter_id(after),
        is_omitted="encounter" not in after,
        had=attaching.had_session_check(work, own_id),
    )
    return after | {"encounter": previous["encounter"]} if keeps else after


def _save_message(
    work: AuditedUnitOfWork,
    before: CommunicationRecord | None,
    own_id: str,
    after: Resource,
    header_id: str,
) -> CommunicationRecord:
    previous = before.resource if before else {}
    if before and before.place.is_message and before.place.thread != header_id:
        raise BusinessRule(
            f"The message belongs to Communication/{before.place.thread}",
            expression=_PART_OF,
            diagnostics="A message cannot move to another thread. Retract it and post it again",
        )
    # Read before the header, whose changes raise the slot's epoch: a later one is then noticed.
    work.slot(SlotKey(header_id))
    _require_header(
        work, header_id, own_id, is_added=classification.header_id(previous) != header_id
    )
    if before and not before.place.is_message:
        _leave_own_thread(work, before)
    checks.require_targets(work, previous, after)
    patients.check_subject(work, header_id, previous, after)
    after = _with_restored_link(previous, after)
    counts = classification.counts(after, counted=bool(before and before.counts))
    state = {
        "place": _place(work, before, own_id, after, header_id),
        "counts": counts,
        "by_patient": _is_dated_by_patient(work, before, after),
    }
    if before:
        message = versions.next_communication(work, before, after, **state)
        if before.at and classification.encounter_id(previous) != classification.encounter_id(
            after
        ):
            linking.check_updated_own_session(work, message)
    else:
        message = versions.first_communication(work, own_id, after, **state)
    return messages.save(work, before, message)


def _is_dated_by_patient(
    work: AuditedUnitOfWork, before: CommunicationRecord | None, after: Resource
) -> bool:
    """Return whether the `sent` of a message yet to count is from a patient or related person."""
    if before and (before.at or before.resource.get("sent") == after.get("sent")):
        return before.by_patient
    return work.caller.is_patient_or_relative


def _with_restored_link(previous: Resource, after: Resource) -> Resource:
    """Restore the link that a write omits, if the deployment links messages."""
    if (
        settings().message_linking != "message"
        or "encounter" not in previous
        or "encounter" in after
    ):
        return after
    return after | {"encounter": previous["encounter"]}


def _require_header(
    work: AuditedUnitOfWork, header_id: str, own_id: str, *, is_added: bool
) -> None:
    """Raise BusinessRule unless a message's header exists and is a header.

    If the message is added to the thread, the caller must see the header, too.
    """
    header = work.communication(header_id)
    if header is None or header.deleted or (is_added and not work.visibility.sees(header.resource)):
        raise BusinessRule(f"Communication/{header_id} does not exist", expression=_PART_OF)
    if header.place.is_message or header_id == own_id:
        raise BusinessRule(
            f"Communication/{header_id} is a message, not a header",
            expression=_PART_OF,
            diagnostics="Name the header of the thread in partOf",
        )


def _leave_own_thread(work: AuditedUnitOfWork, before: CommunicationRecord) -> None:
    """Detach a standalone Communication that becomes a message.

    Raises BusinessRule if it has messages itself.
    """
    if work.has_messages(before.id):
        raise BusinessRule(
            "A header that has messages cannot become a message",
            expression=_PART_OF,
            diagnostics="Leave partOf out",
        )
    linking.detach_thread(work, before.id, gone=True)


def _place(
    work: AuditedUnitOfWork,
    before: CommunicationRecord | None,
    own_id: str,
    after: Resource,
    header_id: str,
) -> Place:
    """Return a message's place in its thread, which follows `sent`.

    A place that still fits is kept. Raises BusinessRule if the id is another thread's.
    """
    home = keys.home_place(own_id)
    if home.is_message and home.thread != header_id:
        raise BusinessRule(
            f"An id of this form is reserved for messages of Communication/{home.thread}",
            expression="Communication.id",
            diagnostics="Choose another id",
        )
    current = before.place if before and before.place.is_message else home
    order = times.order_milliseconds(after, work.now, settings().zone)
    if current.is_message and _fits(current.sort.removeprefix("m#"), order):
        return current
    return Place(header_id, f"m#{ulids.new(order)}")


def _fits(ulid: str, order: int) -> bool:
    """Return whether a place fits a message's order. Messages without a time keep theirs."""
    undated = order >= ulids.UNDATED and ulids.milliseconds(ulid) >= ulids.UNDATED
    return undated or ulid.startswith(ulids.prefix(order))
