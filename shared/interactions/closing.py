"""Closing a session: detach its threads, finish its children, then the session itself.

All in one transaction where it fits; else a sequence of steps, each of which anybody may repeat.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from shared import fhirjson, instants, ulids
from shared.access import Actor
from shared.interactions import links, versions
from shared.resources.patching import without_generated_text
from shared.resources.status import with_status_history
from shared.sessions import closing as rules
from shared.sessions import kinds, slots
from shared.sessions.state import Closing, Figures, adopted, figures_of
from shared.settings import settings
from shared.store.keys import MESSAGES
from shared.store.records import CommunicationRecord, EncounterRecord, Pending
from shared.store.transactions import Stale
from shared.store.work import Work

type Resource = dict[str, Any]


def close(work: Work, session: EncounterRecord, body: Resource) -> EncounterRecord:
    """Save a session as ended with the status of `body`, its children and threads with it."""
    closing = _begin(work, session, str(body["status"]))
    ended = _ended(work, replace(session, closing=closing), body)
    for child in _open_children(work, session.id):
        work.save(_ended_child(work, child, ended))
    work.save(ended)
    return ended


def begin(work: Work, session: EncounterRecord, body: Resource) -> None:
    """Save only the first step: threads detached, the body kept until the children are finished."""
    closing = _begin(work, session, str(body["status"]))
    work.save(replace(session, closing=closing, slots=frozenset(), due=work.instant))
    work.save(Pending(encounter=session.id, json=fhirjson.dumps(body)))


def complete(actor: Actor, session_id: str) -> None:
    """Run the remaining steps of a closing that has begun, whoever began it."""
    while True:
        try:
            return _run_steps(actor, session_id)
        except Stale:
            continue


def _run_steps(actor: Actor, session_id: str) -> None:
    """Finish the children, each in its own transaction, then the session."""
    work = Work(actor, instants.now())
    session, pending = work.encounter(session_id, closing=True), work.pending(session_id)
    if session is None or session.closing is None or pending is None:
        return
    ended = _ended(work, session, pending.resource)
    for child in _open_children(work, session_id):
        step = Work(actor, instants.now())
        step.require(session)
        read = step.encounter(child.id)
        if read and kinds.is_open(read.resource):
            step.save(_ended_child(step, read, ended))
            step.commit("close")
    work.save(ended)
    work.remove(pending)
    work.commit("close")


def _begin(work: Work, session: EncounterRecord, status: str) -> Closing:
    """Detach every thread; give the closing with the figures of all counting messages."""
    attached = [work.slot(thread) for thread in sorted(session.slots)]
    figures = session.figures
    for slot in attached:
        figures = figures.merged(slot.figures)
    if figures.dirty:
        figures = recomputed(work, session.id)
    for slot in attached:
        links.detach_span(work, slot)
        work.save(slots.emptied(slot))
    return Closing(ulids.new(work.milliseconds), status, work.instant, figures)


def recomputed(work: Work, session_id: str, changed: CommunicationRecord | None = None) -> Figures:
    """Read a session's figures from its messages; one that is being written counts as written."""
    return figures_of(
        (message.at, kinds.sender(message.resource))
        for message in _messages(work, session_id)
        if (changed if changed and changed.id == message.id else message).counts
    )


def _messages(work: Work, session_id: str) -> Iterable[CommunicationRecord]:
    """Read the messages whose effective session it is, those adopted after its end aside."""
    for span in work.spans(session_id):
        adoptions = work.adoptions(span.thread)
        for message in work.messages(span.thread, span.low, span.high or MESSAGES[1]):
            adoption = adopted(message.epoch, adoptions) if message.epoch is not None else None
            by_adoption = adoption and adoption.session == session_id and not adoption.late
            if message.session == session_id or by_adoption:
                yield message


def _ended(work: Work, session: EncounterRecord, body: Resource) -> EncounterRecord:
    """Make the version in which a session ends."""
    if session.closing is None:
        raise AssertionError("a closing has begun")
    figures, filled = session.closing.figures, session.filled
    filled = rules.still_filled(session.resource, body, filled)
    resource, filled = rules.completed(body, figures, filled, settings().zone)
    return versions.of_encounter(
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


def _open_children(work: Work, session_id: str) -> list[EncounterRecord]:
    return [
        child
        for child in work.children(session_id)
        if kinds.is_open(child.resource) and kinds.parent(child.resource) == session_id
    ]


def _ended_child(work: Work, child: EncounterRecord, session: EncounterRecord) -> EncounterRecord:
    """Make the version in which a medical encounter ends with its session."""
    status, at = session.resource["status"], session.entered
    after = child.resource | {"status": status}
    after = with_status_history(child.resource, after, child.entered, at, keep_omitted=False)
    after = rules.child_completed(
        without_generated_text(child.resource, after), session.resource, settings().zone
    )
    return versions.of_encounter(work, child, after, due="", entered=at)


def amend(work: Work, session: EncounterRecord, changed: CommunicationRecord) -> None:
    """Correct a finished session when one of its messages ceases to count, or counts again."""
    known = session.figures
    if known.first < changed.at < known.last and not known.dirty:
        work.save(session)
        return
    figures = recomputed(work, session.id, changed)
    bare = rules.without(session.resource, session.filled - {"participant"})
    resource, filled = rules.completed(bare, figures, frozenset(), settings().zone)
    if resource == session.resource:
        work.save(replace(session, figures=figures))
        return
    resource = without_generated_text(session.resource, resource)
    filled |= session.filled & {"participant"}
    amended = versions.of_encounter(work, session, resource, figures=figures, filled=filled)
    work.save(amended)
