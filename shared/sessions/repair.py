"""Repairing what threads and sessions say of each other, if they are not of the same instant.

A transaction writes both. After tables were restored that are not of the same instant, a thread may
name a session that does not know of it, and a session a thread. What is right is left as it is.
"""

from collections.abc import Callable
from dataclasses import replace

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import instants, ulids
from shared.rules import classification, linking, transitions
from shared.rules.state import Slot, SlotKey, parse_slot_key
from shared.sessions import attaching
from shared.sessions.due_encounters import scheduler_caller
from shared.store import items, keys
from shared.store.items import Item
from shared.store.records import CommunicationRecord, EncounterRecord, with_changes
from shared.store.transactions import with_retries

_SLOTS = ("state", "day#")
type _Mend = Callable[[AuditedUnitOfWork], None]


def repair_item(item: Item, record: object) -> int:
    """Repair what an item of a thread or session says of the other. Return 1 if it was wrong.

    `record` is what the item holds, if it is a resource's current item. Raises Transient.
    """
    tenant = items.text(item, "pk").partition("#")[0]
    if items.text(item, "sk").startswith(_SLOTS):
        slot = items.slot(item)
        return _done(tenant, lambda work: _mend_slot(work, slot.key)) if slot.open else 0
    match record:
        case EncounterRecord(slots=attached) if attached:
            return _done(tenant, lambda work: _mend_session(work, record.id))
        case CommunicationRecord() if record.session or record.epoch is not None:
            return _done(tenant, lambda work: _mend_span(work, record))
    return 0


def _done(tenant: str, mend: _Mend) -> int:
    def attempt() -> int:
        work = AuditedUnitOfWork(scheduler_caller(tenant), instants.now())
        mend(work)
        return int(work.commit("reindex"))

    return with_retries(attempt)


def _mend_slot(work: AuditedUnitOfWork, key: SlotKey) -> None:
    """Make the open session that a slot names know of it; if there is none, detach the slot."""
    slot = work.slot(key)
    session = _open(work, slot.session) if slot.open else None
    if not slot.open or (session and str(key) in session.slots):
        return
    if session and linking.has_room(session.slots, session.home, str(key)):
        work.save(with_changes(session, slots=session.slots | {str(key)}))
        _open_span(work, slot)
    else:
        work.save(transitions.detached_slot(slot))


def _open(work: AuditedUnitOfWork, session_id: str) -> EncounterRecord | None:
    """Return a session that takes messages; None if it does not exist, or takes none."""
    session = work.encounter(session_id, closing=True)
    if session is None or session.closing or not classification.is_open(session.resource):
        return None
    return session if attaching.is_session(session) else None


def _open_span(work: AuditedUnitOfWork, slot: Slot) -> None:
    """Let the span of an attached thread have no upper end; the span of a day keeps its own."""
    if not slot.key.day:
        thread = slot.key.partition
        span = work.span(slot.session, thread)
        low = slot.low or keys.message_sort(ulids.prefix(work.milliseconds))
        work.save(transitions.attached_span(span, slot.session, thread, low))


def _mend_session(work: AuditedUnitOfWork, session_id: str) -> None:
    """Remove the slots from a session that do not name it; closing then recomputes its figures."""
    session = _open(work, session_id)
    if session is None:
        return
    unknown = {text for text in session.slots if not _names(work, parse_slot_key(text), session)}
    if unknown:
        figures = replace(session.figures, dirty=True)
        work.save(with_changes(session, slots=session.slots - unknown, figures=figures))


def _names(work: AuditedUnitOfWork, key: SlotKey, session: EncounterRecord) -> bool:
    """Return whether a slot names a session; its own day's slot is made to if it names none."""
    slot = work.slot(key)
    if str(key) == session.home and not slot.session:
        work.save(transitions.attached_slot(slot, session.id, at=work.instant))
        return True
    return slot.open and slot.session == session.id


def _mend_span(work: AuditedUnitOfWork, record: CommunicationRecord) -> None:
    """Widen the span of a message's effective session to the message, if it is outside."""
    place = record.place
    session_id, _ = attaching.effective_session(work, record)
    if session_id and place.is_message and work.encounter(session_id, closing=True):
        span = work.span(session_id, place.thread)
        if span is None or place.sort < span.low or (span.high and place.sort > span.high):
            attaching.widen_span(work, session_id, place.thread, place.sort)
