"""Attaching a thread, or a thread's or patient's day, to an open session."""

from collections.abc import Callable
from dataclasses import replace

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import instants, ulids
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, linking, times, transitions
from shared.rules.classification import NamedEncounter
from shared.rules.policies import Policy
from shared.rules.state import Adoption, Slot, SlotKey, adoption_of, parse_slot_key
from shared.sessions import due_dates
from shared.settings import settings
from shared.store import keys, versions
from shared.store.records import CommunicationRecord, EncounterRecord, with_changes


def is_session(encounter: EncounterRecord) -> bool:
    """Return whether an Encounter is a session; every other is a plain record."""
    return classification.is_session(encounter.resource, settings().encounter_type_system)


def parent_session_id(work: AuditedUnitOfWork, encounter: EncounterRecord) -> str:
    """Return the session of a medical encounter; empty for a session or a plain record.

    It is "unknown" if the type says that it is a medical encounter, and `partOf` names nothing.
    """
    parent_id = classification.parent_id(encounter.resource)
    if classification.is_medical_encounter(encounter.resource, settings().encounter_type_system):
        return parent_id or "unknown"
    if not parent_id or parent_id == encounter.id:
        return ""
    parent = work.encounter(parent_id, closing=True)
    return parent_id if parent and is_session(parent) else ""


def named_encounter(
    work: AuditedUnitOfWork, encounter_id: str, slot: Slot
) -> NamedEncounter | None:
    """Return what matters of an Encounter that is named by its id; None if there is none."""
    encounter = work.encounter(encounter_id) if encounter_id else None
    return as_named(encounter, slot) if encounter else None


def as_named(encounter: EncounterRecord, slot: Slot, *, parent_session: str = "") -> NamedEncounter:
    """Return what matters of a named Encounter, and whether it has room for a slot.

    `parent_session` is the session that it is a medical encounter of; empty if it is none.
    """
    return NamedEncounter(
        id=encounter.id,
        status=encounter.resource.get("status", ""),
        is_session=is_session(encounter),
        has_room=linking.has_room(encounter.slots, encounter.home, str(slot.key)),
        day=parse_slot_key(encounter.home).day if encounter.home else "",
        parent_session=parent_session,
    )


def had_session_check(work: AuditedUnitOfWork, thread: str) -> Callable[[str], bool]:
    """Return a function that says whether a thread has, or had, a session."""
    return lambda session_id: work.span(session_id, thread) is not None


def effective_session(
    work: AuditedUnitOfWork, message: CommunicationRecord
) -> tuple[str, Adoption | None]:
    """Return the id of a message's effective session, and the adoption that made it so."""
    if message.session or message.epoch is None:
        return message.session, None
    # Read before the adoptions: a later one raises the slot's epoch, and so fails the write.
    work.slot(SlotKey(message.place.thread))
    adoption = adoption_of(message.epoch, work.adoptions(message.place.thread))
    return (adoption.session if adoption else ""), adoption


def attach_slot(
    work: AuditedUnitOfWork,
    slot: Slot,
    session: EncounterRecord,
    thread: str,
    policy: Policy,
    *keys: str,
) -> None:
    """Let the messages of a thread, or of its or its patient's day, join an open session.

    `keys` are those of messages of `thread` that are of this day, wherever they stand.
    """
    if slot.key.day:
        widen_span_to_day(work, session.id, thread, slot, policy, *keys)
        session = _with_day(session, slot, policy)
    else:
        session = _adopt_waiting(work, slot, session)
    work.save(transitions.attached_slot(slot, session.id, at=work.instant))
    session = with_changes(session, slots=session.slots | {str(slot.key)})
    work.save(with_changes(session, due=due_dates.due_after_attaching(work, session)))


def _with_day(session: EncounterRecord, slot: Slot, policy: Policy) -> EncounterRecord:
    """Return a session with the end of a day, or of the day of reopening if that is later."""
    _, after = times.day_bounds(slot.key.day, policy.zone)
    day_end = max(instants.to_text(after), session.day_end)
    home = session.home or str(slot.key)
    return with_changes(session, policy=policy.name, home=home, day_end=day_end)


def _adopt_waiting(
    work: AuditedUnitOfWork, slot: Slot, session: EncounterRecord
) -> EncounterRecord:
    """Let the messages that wait for a link join a session, and begin the thread's span in it."""
    thread = slot.key.partition
    # Messages from now on sort above this key, so only earlier ones have to widen the span.
    low = keys.message_sort(ulids.prefix(work.milliseconds))
    if transitions.has_waiting_messages(slot):
        work.save(Adoption(thread=thread, epoch=slot.epoch, session=session.id, late=False))
        session = correct_start(work, session, slot.figures.first)
        low = slot.low
    span = work.span(session.id, thread)
    work.save(transitions.attached_span(span, session.id, thread, low))
    return session


def correct_start(work: AuditedUnitOfWork, session: EncounterRecord, at: str) -> EncounterRecord:
    """Correct a session's start if the server wrote it and a message is before it."""
    start = session.resource["period"]["start"] if "start" in session.filled else ""
    if not at or at >= start:
        return session
    if work.may_span_transactions:
        # A new version would not fit this transaction: closing recomputes from the messages.
        corrected = with_changes(session, figures=replace(session.figures, dirty=True))
    else:
        after = session.resource | {"period": session.resource["period"] | {"start": at}}
        after = without_generated_text(session.resource, after)
        corrected = versions.next_encounter(work, session, after)
    return work.save(corrected)


def widen_span_to_day(
    work: AuditedUnitOfWork, session_id: str, thread: str, slot: Slot, policy: Policy, *keys: str
) -> None:
    """Widen a thread's span in a session to the day of a slot, and to keys outside of it."""
    day_range = times.day_key_range(slot.key.day, policy.zone)
    widen_span(work, session_id, thread, *day_range, *keys)


def widen_span(work: AuditedUnitOfWork, session_id: str, thread: str, *keys: str) -> None:
    """Widen a thread's span in a session to the sort keys of messages."""
    span = work.span(session_id, thread)
    widened = transitions.widened_span(span, session_id, thread, *keys)
    if widened != span:
        work.save(widened)
