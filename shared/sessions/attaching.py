"""Attaching a thread, or a thread's or patient's day, to an open session."""

from dataclasses import replace
from datetime import datetime, timedelta
from zlib import crc32

from shared.audit.work import Work
from shared.errors import BusinessRule
from shared.fhir import instants, ulids
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, policies, schedule, transitions
from shared.rules.policies import Policy
from shared.rules.schedule import Opened
from shared.rules.state import Adoption, Slot, SlotKey
from shared.sessions import deployment
from shared.settings import settings
from shared.store import versions
from shared.store.index import long_encounters
from shared.store.keys import Place
from shared.store.records import EncounterRecord, changed

MOST_THREADS = 20


def is_session(encounter: EncounterRecord) -> bool:
    """Return whether an Encounter is a session. Threads never attach to any other Encounter."""
    return classification.is_session(encounter.resource, settings().encounter_type_system)


def takes_messages(encounter: EncounterRecord) -> bool:
    """Return whether an Encounter is an open session."""
    return is_session(encounter) and classification.is_open(encounter.resource)


def session_of_medical_encounter(work: Work, encounter: EncounterRecord) -> str:
    """Return the id of a medical encounter's session, "" for a session or plain record.

    The id is "unknown" where the Encounter's type says so but it has no `partOf`.
    """
    parent_id = classification.parent(encounter.resource)
    if classification.is_medical_encounter(encounter.resource, settings().encounter_type_system):
        return parent_id or "unknown"
    if not parent_id or parent_id == encounter.id:
        return ""
    parent = work.encounter(parent_id, closing=True)
    return parent_id if parent and is_session(parent) else ""


def day_key(policy: Policy, thread: str, patient: str, at: datetime) -> SlotKey:
    """Return the key of a local day's slot: the thread's or, under scope `patient`, the patient's.

    A thread without a patient has slots of its own under either scope.
    """
    partition = patient if policy.scope == "patient" and patient else thread
    return SlotKey(partition, f"day#{policies.day_of(at, policy.zone)}")


def attach(work: Work, slot: Slot, encounter: EncounterRecord) -> None:
    """Attach a thread to an open session, which adopts the messages that wait for a link."""
    _check_room(encounter, slot)
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
    """Move period.start back to an earlier message, if the server wrote it. Return the session."""
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
    work: Work, slot: Slot, encounter: EncounterRecord, thread: str, policy: Policy
) -> None:
    """Attach a day's slot to an open session."""
    _check_room(encounter, slot)
    reach_day(work, encounter.id, thread, slot.key.day, policy=policy)
    _, after = policies.day_bounds(slot.key.day, policy.zone)
    # A session that was reopened after its day is due at the end of the day of reopening.
    end = max(instants.written(after), encounter.day_end)
    home = encounter.home or str(slot.key)
    day_session = changed(encounter, policy=policies.DAILY, home=home, day_end=end)
    _attach(work, slot, day_session)


def has_room(encounter: EncounterRecord, slot: Slot) -> bool:
    """Return whether a slot may attach to a session. The session's own day always may."""
    is_home = str(slot.key) == encounter.home
    return is_home or len(encounter.slots | {str(slot.key)}) <= MOST_THREADS


def _check_room(encounter: EncounterRecord, slot: Slot) -> None:
    if not has_room(encounter, slot):
        raise BusinessRule(
            f"Encounter/{encounter.id} already has {MOST_THREADS} threads, which is the maximum",
            expression="Communication.encounter",
        )


def _attach(work: Work, slot: Slot, encounter: EncounterRecord) -> None:
    work.save(replace(transitions.attached(slot, encounter.id), arrived=work.instant))
    joined = changed(encounter, slots=encounter.slots | {str(slot.key)})
    work.save(changed(joined, due=earlier_due(work, joined)))


def reach_day(
    work: Work, session_id: str, thread: str, day: str, *, policy: Policy, key: str = ""
) -> None:
    """Widen a session's span in a thread to a whole day, and to `key` if that lies outside it."""
    low, high = policies.day_keys(day, policy.zone)
    span = work.span(session_id, thread)
    widened = transitions.span_of_day(span, session_id, thread, (low, high, key))
    if widened != span:
        work.save(widened)


def widen(work: Work, session_id: str, place: Place) -> None:
    """Widen a session's span in a thread to a message's place, if that lies outside it."""
    span = work.span(session_id, place.thread)
    widened = transitions.span_widened(span, session_id, place.thread, place.sort)
    if span is None or widened.low != span.low or (span.high and widened.high != span.high):
        work.save(widened)


def stamped(
    encounter: EncounterRecord, work: Work, policy: Policy | None = None
) -> EncounterRecord:
    """Return an opening Encounter with the policy and limits that decide when it closes.

    Only sessions get the policy's name and idle limit. A later change of policy does not affect
    them.
    """
    in_force = policy or deployment.policy()
    return changed(
        encounter,
        opened=work.instant,
        policy=in_force.name if is_session(encounter) else policies.EXPLICIT,
        idle_minutes=in_force.idle_minutes if is_session(encounter) else 0,
        max_hours=in_force.max_hours,
    )


def look(encounter: EncounterRecord, active: datetime | None) -> str:
    """Return when an open Encounter is first due, or "" if it never is."""
    first = schedule.first_look(opened(encounter, active))
    return spread(encounter, first) if first else ""


def earlier_due(work: Work, encounter: EncounterRecord) -> str:
    """Return when a session is due after a thread was attached: as before, or earlier.

    A day's session is due at the end of its day.
    """
    first = look(encounter, work.now)
    if encounter.policy == policies.DAILY:
        return first
    return min(filter(None, (encounter.due, first)), default="")


def spread(encounter: EncounterRecord, moment: datetime) -> str:
    """Return when an Encounter that should close at an instant is due.

    The sessions of a day are spread over some minutes after its end, so that they do not all
    close at once. All others are due on time.
    """
    minutes = settings().close_spread_minutes
    if encounter.policy == policies.DAILY and encounter.day_end and minutes:
        moment += timedelta(seconds=crc32(encounter.id.encode()) % (minutes * 60))
    return instants.written(moment)


def opened(encounter: EncounterRecord, active: datetime | None) -> Opened:
    """Return what decides when an Encounter is due.

    `active` is the latest activity of its threads, and is ignored if none is attached.
    """
    opened_at = instants.read(encounter.opened)
    zone = settings().zone
    long_from = (
        None
        if encounter.is_long
        else long_encounters.long_from(encounter.resource, opened_at, zone)
    )
    return Opened(
        policy=encounter.policy,
        opened=opened_at,
        long_from=long_from,
        idle_minutes=encounter.idle_minutes,
        max_hours=encounter.max_hours,
        day_end=instants.read(encounter.day_end) if encounter.day_end else None,
        active=active if encounter.slots else None,
        planned=encounter.resource.get("status") == classification.PLANNED,
    )
