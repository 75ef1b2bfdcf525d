"""What writing a Communication does: a header's to its link, a message's to its thread."""

from datetime import datetime
from typing import Any

from shared import ulids
from shared.errors import BusinessRule
from shared.interactions import links, messages, referring, versions
from shared.sessions import kinds, slots, times
from shared.settings import settings
from shared.store import keys
from shared.store.keys import HEADER, LONGEST_HEADER_ID, Place
from shared.store.records import CommunicationRecord
from shared.store.work import Work

type Resource = dict[str, Any]
_PART_OF = "Communication.partOf"


def new_id(resource: Resource, now: datetime) -> str:
    """Make the id of a Communication: a message's says its thread and its place there."""
    header = kinds.header(resource)
    if header:
        order = times.order(resource, now, settings().zone)
        ulid = ulids.new(order)
        return f"{header}.{ulid}" if len(header) <= LONGEST_HEADER_ID else ulid
    return ulids.new(int(now.timestamp() * 1000))


def create(work: Work, communication_id: str, after: Resource) -> CommunicationRecord:
    """Save a new Communication."""
    return _save(work, None, communication_id, after)


def update(work: Work, before: CommunicationRecord, after: Resource) -> CommunicationRecord:
    """Save a Communication's next version, also one that brings a deleted one back."""
    return _save(work, before, before.id, after)


def delete(work: Work, before: CommunicationRecord) -> CommunicationRecord:
    """Save a Communication's deletion: a header's thread takes no more messages."""
    deleted = versions.of_communication(work, before, None, counts=False)
    if before.place.is_message:
        messages.count(work, before, deleted)
        return deleted
    slot = work.slot(before.id)
    if slot.session:
        links.leave(work, slot)
    work.save(slots.emptied(slot) if slot.session else slots.turned(slot))
    work.save(deleted)
    return deleted


def _save(
    work: Work, before: CommunicationRecord | None, own_id: str, after: Resource
) -> CommunicationRecord:
    header_id = kinds.header(after)
    if header_id:
        return _save_message(work, before, own_id, after, header_id)
    if before and before.place.is_message:
        raise BusinessRule("A message keeps its header", expression=_PART_OF)
    if keys.home(own_id).is_message:
        raise BusinessRule(
            "An id of this form belongs to a message of the thread it begins with",
            expression="Communication.id",
        )
    return _save_header(work, before, own_id, after)


def _save_header(
    work: Work, before: CommunicationRecord | None, own_id: str, after: Resource
) -> CommunicationRecord:
    was = before.resource if before else {}
    referring.check(work, was, after)
    if kinds.linked(was) != kinds.linked(after):
        links.relink(work, own_id, kinds.linked(after))
    elif before and was.get("subject") != after.get("subject"):
        work.save(slots.turned(work.slot(own_id)))
    if before:
        saved = versions.of_communication(work, before, after)
    else:
        place = Place(own_id, HEADER)
        saved = versions.first_of_communication(work, own_id, after, place=place)
    work.save(saved)
    return saved


def _save_message(
    work: Work,
    before: CommunicationRecord | None,
    own_id: str,
    after: Resource,
    header_id: str,
) -> CommunicationRecord:
    if before and before.place.is_message and before.place.thread != header_id:
        raise BusinessRule(
            f"The message belongs to Communication/{before.place.thread}", expression=_PART_OF
        )
    work.slot(header_id)  # read before the header: a change of the header raises the slot's epoch
    _require_header(work, header_id, own_id)
    if before and not before.place.is_message:
        _leave_own_thread(work, before)
    referring.check(work, before.resource if before else {}, after)
    state = {"place": _place(work, before, own_id, after, header_id), "counts": kinds.counts(after)}
    if before:
        message = versions.of_communication(work, before, after, **state)
    else:
        message = versions.first_of_communication(work, own_id, after, **state)
    return messages.count(work, before, message)


def _require_header(work: Work, header_id: str, own_id: str) -> None:
    header = work.communication(header_id)
    if header is None or header.deleted:
        raise BusinessRule(f"Communication/{header_id} does not exist", expression=_PART_OF)
    if header.place.is_message or header_id == own_id:
        raise BusinessRule(
            f"Communication/{header_id} is a message, not a header", expression=_PART_OF
        )


def _leave_own_thread(work: Work, before: CommunicationRecord) -> None:
    """Let a Communication that stood alone become a message, unless it has messages itself."""
    if work.has_messages(before.id):
        raise BusinessRule("A header with messages stays a header", expression=_PART_OF)
    slot = work.slot(before.id)
    if slot.session:
        links.leave(work, slot)
    work.save(slots.emptied(slot))


def _place(
    work: Work,
    before: CommunicationRecord | None,
    own_id: str,
    after: Resource,
    header_id: str,
) -> Place:
    """Give where in its thread a message stands: by `sent`, keeping what makes it unique."""
    home = keys.home(own_id)
    if home.is_message and home.thread != header_id:
        raise BusinessRule(
            f"An id of this form belongs to a message of Communication/{home.thread}",
            expression="Communication.id",
        )
    known = before.place if before and before.place.is_message else home
    ulid = known.sort[len("m#") :] if known.is_message else ""
    order = times.order(after, work.now, settings().zone)
    if ulid and order >= ulids.UNDATED and ulids.milliseconds(ulid) >= ulids.UNDATED:
        return known
    unique = ulid[len(ulids.prefix(0)) :] or ulids.new(0)[len(ulids.prefix(0)) :]
    return Place(header_id, f"m#{ulids.prefix(order)}{unique}")
