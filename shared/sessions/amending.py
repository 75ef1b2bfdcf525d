"""Correcting a finished session when a message arrives late, is retracted or counts again."""

from dataclasses import replace
from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir.patch.patching import without_generated_text
from shared.rules import classification, recounting
from shared.rules import filled_elements as rules
from shared.rules.classification import ENTERED_IN_ERROR
from shared.rules.recounting import Amendment
from shared.rules.state import Figures, figures_of
from shared.sessions import closing, detaching
from shared.settings import settings
from shared.store import versions
from shared.store.records import CommunicationRecord, EncounterRecord

type Resource = dict[str, Any]


def add_late_message(
    work: AuditedUnitOfWork, session: EncounterRecord, message: CommunicationRecord
) -> None:
    """Add a late message of its own day to a finished session."""
    sender = classification.sender_reference(message.resource)
    figures = session.figures.merged(figures_of([(message.at, sender)]))
    _amend(work, session, figures)


def recount(
    work: AuditedUnitOfWork, session: EncounterRecord, changed: CommunicationRecord
) -> None:
    """Correct a finished session when one of its messages ceases to count, or counts again."""
    if recounting.is_neither_first_nor_last(session.figures, changed.at):
        work.save(session)
        return
    figures = closing.recomputed_figures(work, session.id, changed)
    match recounting.amendment(figures, by_server=session.by_server):
        case Amendment.UPDATE_PERIOD:
            _amend(work, session, figures)
        case Amendment.MARK_IN_ERROR:
            _void(work, session, figures)
        case Amendment.KEEP_RESOURCE:
            work.save(replace(session, figures=figures))


def _void(work: AuditedUnitOfWork, session: EncounterRecord, figures: Figures) -> None:
    """Turn a finished session of ours in which nothing is left into an error, and free its day."""
    body = without_generated_text(session.resource, session.resource | {"status": ENTERED_IN_ERROR})
    after = closing.with_former_status(work, session, body)
    void = versions.next_encounter(work, session, after, figures=figures, entered=work.instant)
    work.save(void)
    detaching.free_day(work, void)


def _amend(work: AuditedUnitOfWork, session: EncounterRecord, figures: Figures) -> None:
    """Save a finished session with new figures, as a new version if that changes its period.

    The new version also lists senders of messages that came since as participants.
    """
    before, zone = session.resource, settings().zone
    if rules.with_period_and_length(before, figures, session.filled, zone)[0] == before:
        work.save(replace(session, figures=figures))
        return
    room = closing.participant_capacity(session, before)
    resource, filled = rules.with_filled_elements(before, figures, session.filled, zone, room=room)
    resource = without_generated_text(session.resource, resource)
    work.save(versions.next_encounter(work, session, resource, figures=figures, filled=filled))
