"""Look at Encounters when they are due: close sessions, or store when to look again."""

from dataclasses import replace
from datetime import datetime
from enum import Enum

from shared import metrics
from shared.access import Actor
from shared.audit.work import Work
from shared.catalog.roles import SERVICE
from shared.fhir import instants
from shared.rules import schedule
from shared.rules.schedule import Verdict
from shared.sessions import closing, detaching, due_dates
from shared.store.records import EncounterRecord
from shared.store.transactions import TooManyItems, with_retries


class Look(Enum):
    """The outcome of looking at an Encounter."""

    CLOSED = "closed"
    LATER = "later"
    NOTHING = "nothing"


def scheduler(tenant: str) -> Actor:
    """Return the caller on whose behalf the schedule acts."""
    return Actor(subject="schedule", roles=frozenset({SERVICE}), tenant=tenant)


def look(tenant: str, encounter_id: str, now: datetime) -> Look:
    """Look at one Encounter as at an instant. Looking twice changes nothing more.

    Raises Transient if the database is busy.
    """
    actor = scheduler(tenant)
    return with_retries(lambda: _look(actor, encounter_id, now))


def _look(actor: Actor, encounter_id: str, now: datetime, *, in_steps: bool = False) -> Look:
    work = Work(actor, now)
    work.in_steps = in_steps
    encounter = work.encounter(encounter_id, closing=True)
    if encounter is None or not encounter.due or encounter.due > work.instant:
        return Look.NOTHING
    if encounter.closing:
        closing.complete(actor, encounter_id)
        _note_lag(encounter, now)
        return Look.CLOSED
    verdict = schedule.verdict(due_dates.opened(encounter, detaching.active(work, encounter)), now)
    if not verdict.close:
        return _postpone(work, encounter, verdict)
    try:
        closing.finish(work, encounter)
        work.commit("close")
    except TooManyItems:
        if in_steps:
            raise
        return _look(actor, encounter_id, now, in_steps=True)
    for session_id in work.begun:
        closing.complete(actor, session_id)
    _note_lag(encounter, now)
    return Look.CLOSED


def _note_lag(encounter: EncounterRecord, now: datetime) -> None:
    lag = now - instants.read(encounter.due)
    metrics.note(metrics.LAG, lag.total_seconds(), encounter.policy)


def _postpone(work: Work, encounter: EncounterRecord, verdict: Verdict) -> Look:
    """Store when to look again; an Encounter that has become long gets its second index rows."""
    next_due = instants.written(verdict.due) if verdict.due else ""
    work.save(replace(encounter, due=next_due, is_long=encounter.is_long or verdict.is_long))
    work.commit("close")
    if not next_due:
        return Look.NOTHING
    metrics.note(metrics.REARMED, policy=encounter.policy)
    return Look.LATER
