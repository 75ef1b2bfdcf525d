"""Attaching a thread, or a thread's or patient's day, to an open session."""

from collections.abc import Callable
from dataclasses import replace

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import instants, ulids
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, linking, times, transitions
from shared.rules.classification import NamedEncounter
from shared.rules.policies import Policy
from shared.rules.state import Adoption, Slot, adoption_of, parse_slot_key
from shared.sessions import due_dates
from shared.settings import settings
from shared.store import versions
from shared.store.records import CommunicationRecord, EncounterRecord, with_changes


def is_session(encounter: EncounterRecord) -> bool:
    """Return whether an Encounter is a session; every other is a plain record."""
    return classification.is_session(encounter.resource, settings().encounter_type_system)


def is_open_session(encounter: EncounterRecord) -> bool:
    """Return whether an Encounter is a session that is open."""
    return is_session(encounter) and classification.is_open(encounter.resource)


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
    adoption = adoption_of(message.epoch, work.adoptions(message.place.thread))
    return (adoption.session if adoption else ""), adoption


def attach_slot(
    work: AuditedUnitOfWork,
    slot: Slot,
    encounter: EncounterRecord,
    thread: str,
    policy: Policy,
    *,
    key: str = "",
) -> None:
    """Let the messages of a thread, or of its or its patient's day, join an open session.

    `key` is the sort key of a message of `thread` that is of this day wherever it stands, or empty.
    """
    if slot.key.day:
        attach_day(work, slot, encounter, thread, policy, key=key)
    else:
        attach(work, slot, encounter)


def attach(work: AuditedUnitOfWork, slot: Slot, encounter: EncounterRecord) -> None:
    """Let a thread's messages join an open session, those that wait for a link among them."""
    thread = slot.key.partition
    # Messages from now on sort above this key, so only earlier ones have to widen the span.
    low = f"m#{ulids.prefix(work.milliseconds)}"
    if transitions.has_waiting_messages(slot):
        work.save(Adoption(thread=thread, epoch=slot.epoch, session=encounter.id, late=False))
        encounter = correct_start(work, encounter, slot.figures.first)
        low = slot.low
    span = work.span(encounter.id, thread)
    work.save(transitions.attached_span(span, encounter.id, thread, low))
    _attach(work, slot, encounter)


def correct_start(work: AuditedUnitOfWork, session: EncounterRecord, at: str) -> EncounterRecord:
    """Correct a session's start if the server wrote it and a message is before it."""
    start = session.resource["period"]["start"] if "start" in session.filled else ""
    if not at or at >= start:
        return session
    if work.may_span_transactions:
        # A new version would not fit this transaction: closing recomputes from the messages.
        corrected = replace(session, figures=replace(session.figures, dirty=True))
    else:
        after = session.resource | {"period": session.resource["period"] | {"start": at}}
        after = without_generated_text(session.resource, after)
        corrected = versions.next_encounter(work, session, after)
    work.save(corrected)
    return corrected


def attach_day(
    work: AuditedUnitOfWork,
    slot: Slot,
    encounter: EncounterRecord,
    thread: str,
    policy: Policy,
    *,
    key: str = "",
) -> None:
    """Let the messages of a day join an open session.

    `key` is the sort key of a message of `thread` that is of this day wherever it stands, or empty.
    """
    widen_span_to_day(work, encounter.id, thread, slot.key.day, policy=policy, key=key)
    _, after = times.day_bounds(slot.key.day, policy.zone)
    # A session reopened after its day has until the end of the day of reopening.
    end = max(instants.to_text(after), encounter.day_end)
    home = encounter.home or str(slot.key)
    homed = with_changes(encounter, policy=policy.name, home=home, day_end=end)
    _attach(work, slot, homed)


def _attach(work: AuditedUnitOfWork, slot: Slot, encounter: EncounterRecord) -> None:
    work.save(replace(transitions.attached_slot(slot, encounter.id), arrived=work.instant))
    joined = with_changes(encounter, slots=encounter.slots | {str(slot.key)})
    work.save(with_changes(joined, due=due_dates.due_after_attaching(work, joined)))


def widen_span_to_day(
    work: AuditedUnitOfWork,
    session_id: str,
    thread: str,
    day: str,
    *,
    policy: Policy,
    key: str = "",
) -> None:
    """Widen a thread's span in a session to a day, and to a key that may be outside of it."""
    low, high = times.day_key_range(day, policy.zone)
    span = work.span(session_id, thread)
    widened = transitions.span_covering_day(span, session_id, thread, (low, high, key))
    if widened != span:
        work.save(widened)


def widen_span(work: AuditedUnitOfWork, session_id: str, thread: str, key: str) -> None:
    """Widen a thread's span in a session to the sort key of a message."""
    span = work.span(session_id, thread)
    widened = transitions.widened_span(span, session_id, thread, key)
    if span is None or widened.low != span.low or (span.high and widened.high != span.high):
        work.save(widened)
