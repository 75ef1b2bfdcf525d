"""The instants at which Encounters are due, by their records."""

from datetime import datetime

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import instants
from shared.rules import classification, schedule
from shared.rules.schedule import Timing
from shared.settings import settings
from shared.store.index import long_encounters
from shared.store.records import EncounterRecord


def first_due(encounter: EncounterRecord) -> str:
    """Return when an Encounter that opens, still without a thread, is due; empty if never."""
    return _text(schedule.next_due(timing(encounter, None)))


def due_after_attaching(work: AuditedUnitOfWork, session: EncounterRecord) -> str:
    """Return when a session that a thread was just attached to is due: as before, or earlier."""
    due = instants.from_text(session.due) if session.due else None
    return _text(schedule.due_after_attaching(timing(session, work.now), due))


def timing(encounter: EncounterRecord, last_activity: datetime | None) -> Timing:
    """Return what decides when an Encounter is due.

    Without threads `last_activity` is ignored.
    """
    opened_at = instants.from_text(encounter.opened)
    return Timing(
        policy=encounter.policy,
        opened_at=opened_at,
        long_from=None
        if encounter.is_long
        else long_encounters.becomes_long_at(encounter.resource, opened_at, settings().zone),
        idle_minutes=encounter.idle_minutes,
        max_hours=encounter.max_hours,
        day_end=instants.from_text(encounter.day_end) if encounter.day_end else None,
        last_activity=last_activity if encounter.slots else None,
        is_planned=encounter.resource.get("status") == classification.PLANNED,
        close_delay=schedule.delay_of(encounter.id, settings().close_spread_minutes),
    )


def _text(moment: datetime | None) -> str:
    return instants.to_text(moment) if moment else ""
