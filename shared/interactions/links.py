"""Linking a thread to a session: attaching, adopting, detaching."""

from dataclasses import replace

from shared import ulids
from shared.errors import BusinessRule
from shared.sessions import kinds, slots
from shared.sessions.state import Adoption, Slot
from shared.settings import settings
from shared.store.records import EncounterRecord
from shared.store.work import Work

MOST_THREADS = 20
_ELEMENT = "Communication.encounter"


def relink(work: Work, thread: str, encounter_id: str) -> None:
    """Let a thread's messages join another session from now on, or none where the id is empty.

    Raises BusinessRule where that Encounter takes no threads.
    """
    slot = work.slot(thread)
    if encounter_id and encounter_id == slot.session:
        return
    encounter = _linkable(work, encounter_id) if encounter_id else None
    if slot.session:
        leave(work, slot)
    if encounter is None or not _is_session(encounter):
        work.save(slots.emptied(slot) if slot.session else slots.turned(slot))
    elif kinds.is_open(encounter.resource):
        attach(work, slot, encounter)
    else:
        _adopt_late(work, slot, encounter)


def _is_session(encounter: EncounterRecord) -> bool:
    return kinds.is_session(encounter.resource, settings().encounter_type_system)


def _linkable(work: Work, encounter_id: str) -> EncounterRecord:
    encounter = work.encounter(encounter_id)
    if encounter is None or encounter.deleted:
        raise BusinessRule(f"Encounter/{encounter_id} does not exist", expression=_ELEMENT)
    if session := _session_of_medical_encounter(work, encounter):
        raise BusinessRule(
            "A thread is linked to a session, not to a medical encounter",
            expression=_ELEMENT,
            diagnostics=f"The session is Encounter/{session}",
        )
    if _is_session(encounter) and encounter.resource["status"] in kinds.VOID:
        raise BusinessRule(
            f"Encounter/{encounter_id} is {encounter.resource['status']}", expression=_ELEMENT
        )
    return encounter


def _session_of_medical_encounter(work: Work, encounter: EncounterRecord) -> str:
    """Give the session of one patient's encounter; nothing for a session or a plain record."""
    parent_id = kinds.parent(encounter.resource)
    if not parent_id or parent_id == encounter.id:
        return ""
    if kinds.is_medical_encounter(encounter.resource, settings().encounter_type_system):
        return parent_id
    parent = work.encounter(parent_id, closing=True)
    return parent_id if parent and _is_session(parent) else ""


def attach(work: Work, slot: Slot, encounter: EncounterRecord) -> None:
    """Let a thread's messages join an open session; those waiting for a link join it too."""
    if len(encounter.slots | {slot.thread}) > MOST_THREADS:
        raise BusinessRule(
            f"Encounter/{encounter.id} has {MOST_THREADS} threads already", expression=_ELEMENT
        )
    if slots.waiting(slot):
        _adopt(work, slot, encounter, late=False)
    # A later message sorts above this, so that only earlier ones have to widen the range.
    low = slot.low if slots.waiting(slot) else f"m#{ulids.prefix(work.milliseconds)}"
    span = work.span(encounter.id, slot.thread)
    work.save(slots.span_attached(span, encounter.id, slot.thread, low))
    work.save(slots.attached(slot, encounter.id))
    work.save(replace(encounter, slots=encounter.slots | {slot.thread}))


def _adopt(work: Work, slot: Slot, encounter: EncounterRecord, *, late: bool) -> None:
    work.save(Adoption(thread=slot.thread, epoch=slot.epoch, session=encounter.id, late=late))


def _adopt_late(work: Work, slot: Slot, encounter: EncounterRecord) -> None:
    """Document after the fact: a finished session takes in what waited, its period stays."""
    if slots.waiting(slot):
        _adopt(work, slot, encounter, late=True)
        span = work.span(encounter.id, slot.thread)
        span = slots.span_widened(span, encounter.id, slot.thread, slot.low)
        work.save(slots.span_widened(span, encounter.id, slot.thread, slot.high))
    work.save(slots.emptied(slot))
    work.save(encounter)


def leave(work: Work, slot: Slot) -> None:
    """Take a thread out of its session, which keeps the figures; the caller writes the slot."""
    encounter = work.encounter(slot.session)
    if encounter is None:
        raise AssertionError("an open slot names an Encounter")
    detach_span(work, slot)
    work.save(
        replace(
            encounter,
            slots=encounter.slots - {slot.thread},
            figures=encounter.figures.merged(slot.figures),
        )
    )


def detach_span(work: Work, slot: Slot) -> None:
    """End the thread's range in the session that its slot names."""
    span = work.span(slot.session, slot.thread)
    if span is None:
        raise AssertionError("an attached thread has a range in its session")
    work.save(slots.span_detached(span, slot.high))
