"""Closing a session: detaching its threads, finishing its children, then the session itself.

A closing is one transaction if it fits. Otherwise it is a sequence of transactions, each of which
any worker or request may continue.
"""

from collections.abc import Iterable
from dataclasses import replace

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import fhirjson, instants, ulids
from shared.fhir.fhirjson import Resource
from shared.rules import classification, filled_elements, lifecycle
from shared.rules.classification import FINISHED
from shared.rules.state import ClosingMark, Figures, adoption_of, figures_of
from shared.rules.status_history import with_status
from shared.sessions import detaching
from shared.settings import settings
from shared.store import versions
from shared.store.index.rows import free_value_count
from shared.store.keys import MESSAGE_RANGE
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    PendingEncounter,
    with_changes,
)
from shared.store.transactions import Stale


def finish(work: AuditedUnitOfWork, session: EncounterRecord) -> EncounterRecord:
    """Close a session with status `finished`. Return its record."""
    body = with_status(session.resource, FINISHED, session.entered, work.instant)
    return close(work, session, body)


def close(work: AuditedUnitOfWork, session: EncounterRecord, body: Resource) -> EncounterRecord:
    """Close a session and its children with the status of `body`, and detach its threads.

    If the work goes in steps, make only the first: detach the threads, and store the body as
    pending until `complete` writes it.
    """
    figures = detaching.detach_all(work, session)
    if figures.dirty:
        figures = recomputed_figures(work, session.id)
    status = lifecycle.final_status(body["status"], figures, by_server=session.by_server)
    body = {**body, "status": status}
    closing = ClosingMark(ulids.new(work.milliseconds), status, work.instant, figures)
    session = with_changes(session, closing=closing, slots=frozenset(), due=work.instant)
    if work.may_span_transactions:
        work.begun_closings.append(session.id)
        work.save(PendingEncounter(encounter=session.id, json=fhirjson.dumps(body)))
        return work.save(session)
    ended = _ended(work, session, body)
    for child in _open_children(work, session.id):
        work.save(_ended_child(work, child, ended, closing.at))
    return ended


def complete(caller: Caller, session_id: str) -> None:
    """Make the remaining steps of a closing that has begun, whoever began it.

    Each child is finished in its own transaction, then the session. Raises Stale if another
    caller completes the same closing, or changes a child meanwhile.
    """
    work = AuditedUnitOfWork(caller, instants.now())
    session, pending = work.encounter(session_id, closing=True), work.pending_encounter(session_id)
    if session is None or session.closing is None or pending is None:
        return
    ended = _ended(work, session, fhirjson.loads(pending.json))
    for child in _open_children(work, session_id):
        step = AuditedUnitOfWork(caller, instants.now())
        step.require_unchanged(session)
        current = step.encounter(child.id)
        if current and classification.is_open(current.resource):
            if current != child:
                # It may be in another session now, so the children must be read again.
                raise Stale
            step.save(_ended_child(step, current, ended, session.closing.at))
            step.commit("close")
    work.remove(pending)
    work.commit("close")


def recomputed_figures(
    work: AuditedUnitOfWork, session_id: str, changed: CommunicationRecord | None = None
) -> Figures:
    """Return a session's figures, recomputed from its messages.

    `changed` is a message that this work writes: it is taken as written, not as stored.
    """
    return figures_of_messages(
        message
        for message in _messages(work, session_id)
        if (changed if changed and changed.id == message.id else message).counts
    )


def figures_of_messages(messages: Iterable[CommunicationRecord]) -> Figures:
    """Return the figures of counting messages."""
    return figures_of(
        (message.at, classification.sender_reference(message.resource)) for message in messages
    )


def _messages(work: AuditedUnitOfWork, session_id: str) -> Iterable[CommunicationRecord]:
    """Yield the messages whose effective session this is, except those adopted after its end."""
    for span in work.spans(session_id):
        adoptions = work.adoptions(span.thread)
        for message in work.messages(span.thread, span.low, span.high or MESSAGE_RANGE[1]):
            adoption = adoption_of(message.epoch, adoptions) if message.epoch is not None else None
            by_adoption = adoption and adoption.session == session_id and not adoption.late
            if message.session == session_id or by_adoption:
                yield message


def _ended(work: AuditedUnitOfWork, session: EncounterRecord, body: Resource) -> EncounterRecord:
    """Save the version in which a session ends. Return it."""
    if session.closing is None:
        raise AssertionError("a closing has begun")
    figures = session.closing.figures
    filled = filled_elements.unchanged_elements(session.resource, body, session.filled)
    resource, filled = filled_elements.with_filled_elements(
        body, figures, filled, settings().zone, room=participant_capacity(body, session.created)
    )
    ended = work.save(
        versions.next_encounter(
            work,
            session,
            resource,
            closing=None,
            slots=frozenset(),
            due="",
            figures=replace(figures, dirty=False),
            filled=filled,
            entered=session.closing.at,
        )
    )
    detaching.free_day(work, ended)
    return ended


def participant_capacity(session: Resource, instant: str) -> int:
    """Return how many more participants a session may have before it has too many index rows."""
    meta = session.get("meta", {}) | {"lastUpdated": instant}
    return free_value_count(session | {"meta": meta})


def _open_children(work: AuditedUnitOfWork, session_id: str) -> list[EncounterRecord]:
    return [child for child in work.children(session_id) if classification.is_open(child.resource)]


def _ended_child(
    work: AuditedUnitOfWork, child: EncounterRecord, session: EncounterRecord, at: str
) -> EncounterRecord:
    """Return the version in which a child ends with its session, at an instant."""
    after = with_status(child.resource, session.resource["status"], child.entered, at)
    after = filled_elements.with_period_of_session(after, session.resource, settings().zone)
    return versions.next_encounter(work, child, after, due="", entered=at)
