"""Looking at Encounters when they are due: closing sessions, or storing when to look again."""

from datetime import datetime
from enum import Enum

from shared import metrics
from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.roles import SERVICE
from shared.fhir import instants
from shared.rules import schedule
from shared.rules.schedule import Verdict
from shared.sessions import closing, detaching, due_dates
from shared.store.records import EncounterRecord, with_changes
from shared.store.transactions import TooManyItems, with_retries


class DueResult(Enum):
    """The outcome of looking at an Encounter."""

    CLOSED = "closed"
    POSTPONED = "later"
    NOTHING = "nothing"


def scheduler_caller(tenant: str) -> Caller:
    """Return the caller on whose behalf the schedule acts."""
    return Caller(subject="schedule", roles=frozenset({SERVICE}), tenant=tenant)


def close_or_postpone(tenant: str, encounter_id: str, now: datetime) -> DueResult:
    """Look at one Encounter as at an instant. Looking twice changes nothing more.

    Raises Transient if the database is busy.
    """
    caller = scheduler_caller(tenant)
    return with_retries(lambda: _look(caller, encounter_id, now))


def _look(caller: Caller, encounter_id: str, now: datetime, *, in_steps: bool = False) -> DueResult:
    work = AuditedUnitOfWork(caller, now)
    work.may_span_transactions = in_steps
    encounter = work.encounter(encounter_id, closing=True)
    if encounter is None or not encounter.due or encounter.due > work.instant:
        return DueResult.NOTHING
    if encounter.closing:
        closing.complete(caller, encounter_id)
        _note_lag(encounter, now)
        return DueResult.CLOSED
    verdict = schedule.verdict(
        due_dates.timing(encounter, detaching.last_activity(work, encounter)), now
    )
    if not verdict.must_close:
        return _postpone(work, encounter, verdict)
    try:
        closing.finish(work, encounter)
        work.commit("close")
    except TooManyItems:
        if in_steps:
            raise
        return _look(caller, encounter_id, now, in_steps=True)
    for session_id in work.begun_closings:
        closing.complete(caller, session_id)
    _note_lag(encounter, now)
    return DueResult.CLOSED


def _note_lag(encounter: EncounterRecord, now: datetime) -> None:
    lag = now - instants.from_text(encounter.due)
    metrics.record(metrics.LAG, lag.total_seconds(), encounter.policy)


def _postpone(work: AuditedUnitOfWork, encounter: EncounterRecord, verdict: Verdict) -> DueResult:
    """Store when to look again; an Encounter that has become long gets its second index rows."""
    next_due = instants.to_text(verdict.due) if verdict.due else ""
    work.save(with_changes(encounter, due=next_due, is_long=encounter.is_long or verdict.is_long))
    work.commit("close")
    if not next_due:
        return DueResult.NOTHING
    metrics.record(metrics.REARMED, policy=encounter.policy)
    return DueResult.POSTPONED
