"""What writing an Encounter does: to its parent, its children, its threads and its due row."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeGuard

from shared import instants
from shared.errors import BusinessRule
from shared.interactions import closing, links, referring, versions
from shared.resources.status import check_transition
from shared.sessions import closing as rules
from shared.sessions import kinds, slots
from shared.settings import settings
from shared.store.records import EncounterRecord, Versioned
from shared.store.work import Work

type Resource = dict[str, Any]


def create(work: Work, encounter_id: str, after: Resource) -> EncounterRecord:
    """Save a new Encounter."""
    return _save(work, versions.unborn_encounter(work, encounter_id), {}, after)


def update(work: Work, before: EncounterRecord, after: Resource) -> EncounterRecord:
    """Save an Encounter's next version, also one that brings a deleted one back."""
    check_transition("Encounter", before.resource.get("status"), after.get("status"))
    if closes(before, after):
        referring.check(work, before.resource, after)
        return closing.close(work, before, after)
    return _save(work, before, before.resource, after)


def closes(before: Versioned | None, after: Resource) -> TypeGuard[EncounterRecord]:
    """Tell whether a write ends an open session."""
    return (
        isinstance(before, EncounterRecord)
        and _is_open_session(before.resource)
        and not kinds.is_open(after)
    )


def close_in_steps(work: Work, before: EncounterRecord, after: Resource) -> None:
    """Begin closing a session that is too large for one transaction."""
    referring.check(work, before.resource, after)
    closing.begin(work, before, after)


def delete(work: Work, before: EncounterRecord) -> EncounterRecord:
    """Save an Encounter's deletion; its threads are detached, its children stay."""
    record = _detached(work, before)
    deleted = versions.of_encounter(
        work, record, None, due="", filled=frozenset(), slots=frozenset()
    )
    work.save(deleted)
    return deleted


def _is_open_session(encounter: Resource) -> bool:
    return kinds.is_open(encounter) and kinds.is_session(
        encounter, settings().encounter_type_system
    )


def _save(
    work: Work, record: EncounterRecord, before: Resource, after: Resource
) -> EncounterRecord:
    referring.check(work, before, after)
    _hold_parent_open(work, record.id, before, after)
    opened = kinds.is_open(after) and not kinds.is_open(before)
    if record.slots and not _is_open_session(after):
        record = _detached(work, record)
    filled = rules.still_filled(before, after, record.filled)
    if opened:
        after, filled = rules.without(after, filled & {"end", "length"}), filled - {"end", "length"}
    changes: dict[str, Any] = {"filled": filled, "due": _due(work, record, after, opened=opened)}
    if before.get("status") != after.get("status"):
        changes["entered"] = work.instant
    saved = versions.of_encounter(work, record, after, **changes)
    work.save(saved)
    return saved


def _due(work: Work, record: EncounterRecord, after: Resource, *, opened: bool) -> str:
    """Give when an open Encounter is to be looked at: when it has lasted as long as any may."""
    if not kinds.is_open(after):
        return ""
    if record.due and not opened:
        return record.due
    start = instants.period(after.get("period", {}), settings().zone).low
    from_start = work.now if start == -instants.FOREVER else instants.from_nanoseconds(start)
    begun = min(work.now, from_start)
    return instants.written(begun + timedelta(hours=settings().session_max_hours))


def _hold_parent_open(work: Work, own_id: str, before: Resource, after: Resource) -> None:
    """Let an open medical encounter begin, or begin again, only in a session that is open."""
    session_id = kinds.parent(after)
    begins = kinds.is_open(after) and not (
        kinds.is_open(before) and kinds.parent(before) == session_id
    )
    session = work.encounter(session_id) if session_id and session_id != own_id else None
    if session is None or not begins:
        return
    if not kinds.is_session(session.resource, settings().encounter_type_system):
        return
    if not kinds.is_open(session.resource):
        raise BusinessRule(
            f"Encounter/{session_id} is {session.resource['status']}: nothing new begins in it",
            expression="Encounter.partOf",
        )
    work.save(session)


def _detached(work: Work, record: EncounterRecord) -> EncounterRecord:
    """Take all threads out of a session that is deleted or is no session any more."""
    figures = record.figures
    for thread in sorted(record.slots):
        slot = work.slot(thread)
        figures = figures.merged(slot.figures)
        links.detach_span(work, slot)
        work.save(slots.emptied(slot))
    return replace(record, slots=frozenset(), figures=figures)
