"""Correcting a finished session when a message arrives late, is retracted or counts again."""

from dataclasses import replace

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir.patch.patching import without_generated_text
from shared.rules import filled_elements, recounting, transitions
from shared.rules.classification import ENTERED_IN_ERROR
from shared.rules.recounting import Amendment, Recount
from shared.rules.state import Figures, SlotKey, parse_slot_key
from shared.rules.status_history import with_status
from shared.sessions import attaching, closing, detaching
from shared.settings import settings
from shared.store import versions
from shared.store.records import CommunicationRecord, EncounterRecord, with_changes


def add_late_message(
    work: AuditedUnitOfWork, session: EncounterRecord, message: CommunicationRecord
) -> None:
    """Add a late message of its own day to a finished session."""
    figures = closing.figures_of_messages([message])
    _amend(work, session, session.figures.merged(figures))


def recount(work: AuditedUnitOfWork, message: CommunicationRecord) -> None:
    """Correct what is known of a session when a message ceases to count, or counts again."""
    session_id, adoption = attaching.effective_session(work, message)
    session = work.encounter(session_id) if session_id else None
    thread = SlotKey(message.place.thread)
    slot = work.slot(parse_slot_key(session.home) if session and session.home else thread)
    effect = recounting.decide(
        attaching.as_named(session, slot) if session else None,
        slot,
        waits=message.epoch is not None,
        is_late=adoption is not None and adoption.late,
    )
    if effect is Recount.MARK_SLOT:
        work.save(transitions.slot_with_dirty_figures(slot))
    elif session and effect is Recount.MARK_SESSION:
        work.save(with_changes(session, figures=replace(session.figures, dirty=True)))
    elif session and effect is Recount.AMEND:
        _recount_finished(work, session, message)


def _recount_finished(
    work: AuditedUnitOfWork, session: EncounterRecord, changed: CommunicationRecord
) -> None:
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
            work.save(with_changes(session, figures=figures))


def _void(work: AuditedUnitOfWork, session: EncounterRecord, figures: Figures) -> None:
    """Turn a finished session of ours in which nothing is left into an error, and free its day."""
    after = with_status(session.resource, ENTERED_IN_ERROR, session.entered, work.instant)
    void = work.save(versions.next_encounter(work, session, after, figures=figures))
    detaching.free_day(work, void)


def _amend(work: AuditedUnitOfWork, session: EncounterRecord, figures: Figures) -> None:
    """Save a finished session with new figures, as a new version if that changes its period.

    The new version also lists senders of messages that came since as participants.
    """
    before, zone = session.resource, settings().zone
    filled = session.filled
    if filled_elements.with_period_and_length(before, figures, filled, zone)[0] == before:
        work.save(with_changes(session, figures=figures))
        return
    room = closing.participant_capacity(before, session.created)
    resource, filled = filled_elements.with_filled_elements(
        before, figures, filled, zone, room=room
    )
    resource = without_generated_text(before, resource)
    work.save(versions.next_encounter(work, session, resource, figures=figures, filled=filled))
