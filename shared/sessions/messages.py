"""Writing a message in its thread, and its effect on a session when it counts or moves."""

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog import access_patterns as patterns
from shared.catalog.roles import CHANNEL
from shared.errors import BusinessRule
from shared.fhir import ulids
from shared.fhir.fhirjson import Resource
from shared.references import checks
from shared.rules import classification, times, transitions
from shared.rules import linking as linking_rules
from shared.rules.state import SlotKey
from shared.sessions import amending, arrival, attaching, linking, patients
from shared.settings import settings
from shared.store import keys, versions
from shared.store.keys import Place
from shared.store.records import CommunicationRecord

PART_OF = "Communication.partOf"


def write(
    work: AuditedUnitOfWork, before: CommunicationRecord, after: Resource, header_id: str
) -> CommunicationRecord:
    """Save the next version of a message, which may be its first, or a header until now."""
    previous = before.resource
    if before.place.is_message and before.place.thread != header_id:
        raise BusinessRule(
            f"The message belongs to Communication/{before.place.thread}",
            expression=PART_OF,
            diagnostics="A message cannot move to another thread. Retract it and post it again",
        )
    # Read before the header, whose changes raise the slot's epoch: a later one fails the write.
    work.slot(SlotKey(header_id))
    header = _required_header(
        work, header_id, before.id, is_added=classification.header_id(previous) != header_id
    )
    if "identifier" in header and CHANNEL not in work.caller.roles:
        from shared.rules import channels  # noqa: PLC0415 - few threads are of a channel

        channels.check_consent(header, previous, after)
    if before.version and not before.place.is_message:
        _leave_own_thread(work, before)
    checks.require_targets(work, previous, after)
    patients.check_subject(work, header_id, previous, after)
    if settings().message_linking == "message":
        after = linking_rules.with_restored_link(previous, after)
    message = versions.next_communication(
        work,
        before,
        after,
        place=_place(work, before, after, header_id),
        counts=classification.counts(after, counted=before.counts),
        by_patient=_is_dated_by_patient(work, before, after),
    )
    is_relinked = classification.encounter_id(previous) != classification.encounter_id(after)
    if before.at and is_relinked:
        linking.check_updated_own_session(work, message)
    return save(work, before, message)


def save(
    work: AuditedUnitOfWork, before: CommunicationRecord, message: CommunicationRecord
) -> CommunicationRecord:
    """Save a message, with its effect on a session if it begins or ceases to count, or moves."""
    if message.counts and not message.at:
        message = arrival.assign_session(work, message, is_created=before.deleted)
    elif not message.at:
        # The message must not be stored if its header is deleted meanwhile.
        work.require_unchanged(work.slot(SlotKey(message.place.thread)))
    if before.at and message.place != before.place:
        _follow(work, message)
    if before.at and message.counts != before.counts:
        amending.recount(work, message)
    return work.save(message)


def _follow(work: AuditedUnitOfWork, message: CommunicationRecord) -> None:
    """Widen the span of a message that moved within its thread, or the slot in which it waits."""
    thread, key = message.place.thread, message.place.sort
    session_id, _ = attaching.effective_session(work, message)
    if session_id:
        attaching.widen_span(work, session_id, thread, key)
    elif message.epoch is not None:
        work.save(transitions.widened_slot(work.slot(SlotKey(thread)), key))


def _is_dated_by_patient(
    work: AuditedUnitOfWork, before: CommunicationRecord, after: Resource
) -> bool:
    """Return whether the `sent` of a message yet to count is from a patient or related person."""
    if before.version and (before.at or before.resource.get("sent") == after.get("sent")):
        return before.by_patient
    return work.caller.is_patient_or_relative


def _required_header(
    work: AuditedUnitOfWork, header_id: str, own_id: str, *, is_added: bool
) -> Resource:
    """Return a message's header. Raises BusinessRule unless it exists and is a header.

    If the message is added to the thread, the caller must see the header, too.
    """
    header = work.communication(header_id)
    if header is None or header.deleted or (is_added and not work.visibility.sees(header.resource)):
        raise BusinessRule(f"Communication/{header_id} does not exist", expression=PART_OF)
    if header.place.is_message or header_id == own_id:
        raise BusinessRule(
            f"Communication/{header_id} is a message, not a header",
            expression=PART_OF,
            diagnostics="Name the header of the thread in partOf",
        )
    return header.resource


def _leave_own_thread(work: AuditedUnitOfWork, before: CommunicationRecord) -> None:
    """Detach a standalone Communication that becomes a message.

    Raises BusinessRule if it has messages itself.
    """
    if work.has_messages(before.id):
        raise BusinessRule(
            "A header that has messages cannot become a message",
            expression=PART_OF,
            diagnostics="Leave partOf out",
        )
    linking.detach_thread(work, before.id, is_gone=True)


def _place(
    work: AuditedUnitOfWork, before: CommunicationRecord, after: Resource, header_id: str
) -> Place:
    """Return a message's place in its thread, which follows `sent`.

    A place that still fits is kept. Raises BusinessRule if the id is another thread's.
    """
    home = keys.home_place(before.id)
    if home.is_message and home.thread != header_id:
        raise BusinessRule(
            f"An id of this form is reserved for messages of Communication/{home.thread}",
            expression="Communication.id",
            diagnostics="Choose another id",
        )
    current = before.place if before.place.is_message else home
    order = times.order_milliseconds(after, work.now, settings().zone)
    if current.is_message and _fits(current.sort.removeprefix(patterns.MESSAGE.prefix), order):
        return current
    return Place(header_id, keys.message_sort(ulids.new(order)))


def _fits(ulid: str, order: int) -> bool:
    """Return whether a place fits a message's order. Messages without a time keep theirs."""
    undated = order >= ulids.UNDATED and ulids.milliseconds(ulid) >= ulids.UNDATED
    return undated or ulid.startswith(ulids.prefix(order))
