"""Attaching a thread, or a day, to an open session."""

from dataclasses import replace
from datetime import datetime, timedelta
from zlib import crc32

from shared import instants, ulids
from shared.errors import BusinessRule
from shared.index import long
from shared.interactions import deployment, versions
from shared.resources.patching import without_generated_text
from shared.sessions import due, kinds, policies, slots
from shared.sessions.due import Opened
from shared.sessions.policies import Policy
from shared.sessions.state import Adoption, Slot, SlotKey
from shared.settings import settings
from shared.store.keys import Place
from shared.store.records import EncounterRecord, changed
from shared.store.work import Work

MOST_THREADS = 20


def is_session(encounter: EncounterRecord) -> bool:
    """Tell whether an Encounter takes threads; all else is a plain record."""
    return kinds.is_session(encounter.resource, settings().encounter_type_system)


def takes_messages(encounter: EncounterRecord) -> bool:
    """Tell whether an Encounter is a session that is open."""
    return is_session(encounter) and kinds.is_open(encounter.resource)


def session_of_medical_encounter(work: Work, encounter: EncounterRecord) -> str:
    """Give the session of one patient's encounter; nothing for a session or a plain record."""
    parent_id = kinds.parent(encounter.resource)
    if kinds.is_medical_encounter(encounter.resource, settings().encounter_type_system):
        return parent_id or "unknown"
    if not parent_id or parent_id == encounter.id:
        return ""
    parent = work.encounter(parent_id, closing=True)
    return parent_id if parent and is_session(parent) else ""


def day_key(policy: Policy, thread: str, patient: str, at: datetime) -> SlotKey:
    """Give the slot of an instant's local day, of the thread or, by scope, of its patient."""
    partition = patient if policy.scope == "patient" and patient else thread
    return SlotKey(partition, f"day#{policies.day_of(at, policy.zone)}")


def attach(work: Work, slot: Slot, encounter: EncounterRecord) -> None:
    """Let a thread's messages join an open session; those waiting for a link join it too."""
    _check_room(encounter, slot)
    thread = slot.key.partition
    if slots.waiting(slot):
        work.save(Adoption(thread=thread, epoch=slot.epoch, session=encounter.id, late=False))
        encounter = begun_earlier(work, encounter, slot.figures.first)
    # A later message sorts above this, so that only earlier ones have to widen the range.
    low = slot.low if slots.waiting(slot) else f"m#{ulids.prefix(work.milliseconds)}"
    span = work.span(encounter.id, thread)
    work.save(slots.span_attached(span, encounter.id, thread, low))
    _attach(work, slot, encounter)


def begun_earlier(work: Work, session: EncounterRecord, at: str) -> EncounterRecord:
    """Correct a session's beginning, where the server wrote it and a message is before it."""
    start = session.resource["period"]["start"] if "start" in session.filled else ""
    if not at or at >= start:
        return session
    if work.in_steps:
        # It does not fit this transaction: the closer will read the messages.
        later = replace(session, figures=replace(session.figures, dirty=True))
    else:
        corrected = session.resource | {"period": session.resource["period"] | {"start": at}}
        corrected = without_generated_text(session.resource, corrected)
        later = versions.of_encounter(work, session, corrected)
    work.save(later)
    return later


def attach_day(
    work: Work, slot: Slot, encounter: EncounterRecord, thread: str, policy: Policy
) -> None:
    """Let the messages of a day join an open session."""
    _check_room(encounter, slot)
    reach_day(work, encounter.id, thread, slot.key.day, policy=policy)
    _, after = policies.day_bounds(slot.key.day, policy.zone)
    # A session reopened after its day has until the end of the day of reopening.
    end = max(instants.written(after), encounter.day_end)
    home = encounter.home or str(slot.key)
    homed = changed(encounter, policy=policies.DAILY, home=home, day_end=end)
    _attach(work, slot, homed)


def has_room(encounter: EncounterRecord, slot: Slot) -> bool:
    """Tell whether a session may have one more thread; its own day it always may."""
    is_home = str(slot.key) == encounter.home
    return is_home or len(encounter.slots | {str(slot.key)}) <= MOST_THREADS


def _check_room(encounter: EncounterRecord, slot: Slot) -> None:
    if not has_room(encounter, slot):
        raise BusinessRule(
            f"Encounter/{encounter.id} has {MOST_THREADS} threads already",
            expression="Communication.encounter",
        )


def _attach(work: Work, slot: Slot, encounter: EncounterRecord) -> None:
    work.save(replace(slots.attached(slot, encounter.id), arrived=work.instant))
    joined = changed(encounter, slots=encounter.slots | {str(slot.key)})
    work.save(changed(joined, due=earlier_due(work, joined)))


def reach_day(
    work: Work, session_id: str, thread: str, day: str, *, policy: Policy, key: str = ""
) -> None:
    """See to it that a session's range in a thread holds the day, and a key outside of it."""
    low, high = policies.day_keys(day, policy.zone)
    span = work.span(session_id, thread)
    wide = slots.span_of_day(span, session_id, thread, (low, high, key))
    if wide != span:
        work.save(wide)


def widen(work: Work, session_id: str, place: Place) -> None:
    """Store that a session has a message at a place outside of its range in that thread."""
    span = work.span(session_id, place.thread)
    widened = slots.span_widened(span, session_id, place.thread, place.sort)
    if span is None or widened.low != span.low or (span.high and widened.high != span.high):
        work.save(widened)


def stamped(
    encounter: EncounterRecord, work: Work, policy: Policy | None = None
) -> EncounterRecord:
    """Stamp on an Encounter that opens what decides about its end; none of it changes later."""
    known = policy or deployment.policy()
    return changed(
        encounter,
        opened=work.instant,
        policy=known.name if is_session(encounter) else policies.EXPLICIT,
        idle_minutes=known.idle_minutes if is_session(encounter) else 0,
        max_hours=known.max_hours,
    )


def look(encounter: EncounterRecord, active: datetime | None) -> str:
    """Give when an open Encounter is first looked at."""
    first = due.first_look(opened(encounter, active))
    return spread(encounter, first) if first else ""


def earlier_due(work: Work, encounter: EncounterRecord) -> str:
    """Give when a session that was just attached to is looked at: as before, or earlier."""
    first = look(encounter, work.now)
    if encounter.policy == policies.DAILY:
        return first
    return min(filter(None, (encounter.due, first)), default="")


def spread(encounter: EncounterRecord, moment: datetime) -> str:
    """Spread the sessions of a day over some minutes after its end; others are on time."""
    minutes = settings().close_spread_minutes
    if encounter.policy == policies.DAILY and encounter.day_end and minutes:
        moment += timedelta(seconds=crc32(encounter.id.encode()) % (minutes * 60))
    return instants.written(moment)


def opened(encounter: EncounterRecord, active: datetime | None) -> Opened:
    """Give what decides when an Encounter is looked at; `active` where a thread is attached."""
    begun = instants.read(encounter.opened)
    zone = settings().zone
    from_then = None if encounter.is_long else long.long_from(encounter.resource, begun, zone)
    return Opened(
        policy=encounter.policy,
        opened=begun,
        long_from=from_then,
        idle_minutes=encounter.idle_minutes,
        max_hours=encounter.max_hours,
        day_end=instants.read(encounter.day_end) if encounter.day_end else None,
        active=active if encounter.slots else None,
        planned=encounter.resource.get("status") == kinds.PLANNED,
    )
