"""When an Encounter is due to be looked at, by what its record says."""

from datetime import datetime

from shared.audit.work import Work
from shared.fhir import instants
from shared.rules import classification, schedule
from shared.rules.schedule import Opened
from shared.settings import settings
from shared.store.index import long_encounters
from shared.store.records import EncounterRecord


def first_due(encounter: EncounterRecord) -> str:
    """Return when an Encounter that opens, still without a thread, is due; empty if never."""
    return _written(schedule.first_look(opened(encounter, None)))


def earlier_due(work: Work, session: EncounterRecord) -> str:
    """Return when a session that a thread was just attached to is due: as before, or earlier."""
    due = instants.read(session.due) if session.due else None
    return _written(schedule.look_after_attaching(opened(session, work.now), due))


def opened(encounter: EncounterRecord, active: datetime | None) -> Opened:
    """Return what decides when an Encounter is due; without threads `active` is ignored."""
    begun = instants.read(encounter.opened)
    return Opened(
        policy=encounter.policy,
        opened=begun,
        long_from=None if encounter.is_long else _long_from(encounter, begun),
        idle_minutes=encounter.idle_minutes,
        max_hours=encounter.max_hours,
        day_end=instants.read(encounter.day_end) if encounter.day_end else None,
        active=active if encounter.slots else None,
        planned=encounter.resource.get("status") == classification.PLANNED,
        delay=schedule.delay_of(encounter.id, settings().close_spread_minutes),
    )


def _long_from(encounter: EncounterRecord, begun: datetime) -> datetime:
    return long_encounters.becomes_long_at(encounter.resource, begun, settings().zone)


def _written(moment: datetime | None) -> str:
    return instants.written(moment) if moment else ""
