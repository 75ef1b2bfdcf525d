"""Attaching a thread, or a thread's or patient's day, to an open session."""

from collections.abc import Callable
from dataclasses import replace

from shared.audit.work import Work
from shared.fhir import instants, ulids
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, days, linking, transitions
from shared.rules.classification import NamedEncounter
from shared.rules.policies import Policy
from shared.rules.state import Adoption, Slot, slot_key
from shared.sessions import deployment, due_dates
from shared.settings import settings
from shared.store import versions
from shared.store.keys import Place
from shared.store.records import EncounterRecord, changed


def is_session(encounter: EncounterRecord) -> bool:
    """Return whether an Encounter is a session; every other is a plain record."""
    return classification.is_session(encounter.resource, settings().encounter_type_system)


def takes_messages(encounter: EncounterRecord) -> bool:
    """Return whether an Encounter is a session that is open."""
    return is_session(encounter) and classification.is_open(encounter.resource)


def session_of_medical_encounter(work: Work, encounter: EncounterRecord) -> str:
    """Return the session of a medical encounter; empty for a session or a plain record.

    It is "unknown" if the type says that it is a medical encounter, and `partOf` names nothing.
    """
    parent_id = classification.parent(encounter.resource)
    if classification.is_medical_encounter(encounter.resource, settings().encounter_type_system):
        return parent_id or "unknown"
    if not parent_id or parent_id == encounter.id:
        return ""
    parent = work.encounter(parent_id, closing=True)
    return parent_id if parent and is_session(parent) else ""


def named(encounter: EncounterRecord, slot: Slot, *, session: str = "") -> NamedEncounter:
    """Return what matters of a named Encounter, and whether it has room for a slot.

    `session` is the session that it is a medical encounter of; empty if it is none.
    """
    return NamedEncounter(
        id=encounter.id,
        status=encounter.resource.get("status", ""),
        is_session=is_session(encounter),
        has_room=linking.has_room(encounter.slots, encounter.home, str(slot.key)),
        day=slot_key(encounter.home).day if encounter.home else "",
        session=session,
    )


def had(work: Work, thread: str) -> Callable[[str], bool]:
    """Return a function that says whether a thread has, or had, a session."""
    return lambda session_id: work.span(session_id, thread) is not None


def attach(work: Work, slot: Slot, encounter: EncounterRecord) -> None:
    """Let a thread's messages join an open session, those that wait for a link among them."""
    thread = slot.key.partition
    if transitions.waiting(slot):
        work.save(Adoption(thread=thread, epoch=slot.epoch, session=encounter.id, late=False))
        encounter = begun_earlier(work, encounter, slot.figures.first)
    # Messages from now on sort above this key, so only earlier ones have to widen the span.
    low = slot.low if transitions.waiting(slot) else f"m#{ulids.prefix(work.milliseconds)}"
    span = work.span(encounter.id, thread)
    work.save(transitions.span_attached(span, encounter.id, thread, low))
    _attach(work, slot, encounter)


def begun_earlier(work: Work, session: EncounterRecord, at: str) -> EncounterRecord:
    """Correct a session's start if the server wrote it and a message is before it."""
    start = session.resource["period"]["start"] if "start" in session.filled else ""
    if not at or at >= start:
        return session
    if work.in_steps:
        # A new version would not fit this transaction: closing recomputes from the messages.
        corrected = replace(session, figures=replace(session.figures, dirty=True))
    else:
        after = session.resource | {"period": session.resource["period"] | {"start": at}}
        after = without_generated_text(session.resource, after)
        corrected = versions.of_encounter(work, session, after)
    work.save(corrected)
    return corrected


def attach_day(
    work: Work,
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
    reach_day(work, encounter.id, thread, slot.key.day, policy=policy, key=key)
    _, after = days.bounds(slot.key.day, policy.zone)
    # A session reopened after its day has until the end of the day of reopening.
    end = max(instants.written(after), encounter.day_end)
    home = encounter.home or str(slot.key)
    homed = changed(encounter, policy=policy.name, home=home, day_end=end)
    _attach(work, slot, homed)


def _attach(work: Work, slot: Slot, encounter: EncounterRecord) -> None:
    work.save(replace(transitions.attached(slot, encounter.id), arrived=work.instant))
    joined = changed(encounter, slots=encounter.slots | {str(slot.key)})
    work.save(changed(joined, due=due_dates.earlier_due(work, joined)))


def reach_day(
    work: Work, session_id: str, thread: str, day: str, *, policy: Policy, key: str = ""
) -> None:
    """Widen a thread's span in a session to a day, and to a key that may be outside of it."""
    low, high = days.keys(day, policy.zone)
    span = work.span(session_id, thread)
    widened = transitions.span_of_day(span, session_id, thread, (low, high, key))
    if widened != span:
        work.save(widened)


def widen(work: Work, session_id: str, place: Place) -> None:
    """Widen a thread's span in a session to a message's place."""
    span = work.span(session_id, place.thread)
    widened = transitions.span_widened(span, session_id, place.thread, place.sort)
    if span is None or widened.low != span.low or (span.high and widened.high != span.high):
        work.save(widened)


def stamped(
    encounter: EncounterRecord, work: Work, policy: Policy | None = None
) -> EncounterRecord:
    """Return an Encounter that opens, stamped with the policy and limits that decide when it ends.

    What the deployment or a header sets later concerns the next session only.
    """
    policy = policy or deployment.policy()
    if not is_session(encounter):
        policy = policy.of_plain_record()
    return changed(
        encounter,
        opened=work.instant,
        policy=policy.name,
        idle_minutes=policy.idle_limit,
        max_hours=policy.max_hours,
    )
