"""The way of every write: read, check, change, save; and again where somebody was first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared import instants
from shared.access import Actor
from shared.errors import BusinessRule, PreconditionFailed
from shared.interactions import closing, communications, encounters
from shared.resources.equality import same
from shared.store.records import CommunicationRecord, EncounterRecord, Versioned
from shared.store.transactions import LARGEST, Stale, TooManyItems, settle
from shared.store.work import ClosingUnderWay, Work

type Resource = dict[str, Any]
type Change = Callable[[Versioned | None, Work], Resource | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write led to: the record as it is now, and whether it was not there before."""

    record: Versioned | None
    created: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """One resource to be written.

    `change` gives its new content from what it is now; None deletes it. `if_match` is the version
    it must have.
    """

    actor: Actor
    interaction: str
    type: str
    id: str
    change: Change
    if_match: str = ""


def write(request: Write) -> Outcome:
    """Write one resource in one transaction; a closing that does not fit it in several.

    Raises PreconditionFailed, Transient, and what the change and the rules raise.
    """
    try:
        return settle(lambda: _attempt(request, in_steps=False))
    except TooManyItems:
        pass
    try:
        return settle(lambda: _attempt(request, in_steps=True))
    except TooManyItems:
        raise BusinessRule(
            f"The change does not fit a transaction of {LARGEST} items and 4 MB"
        ) from None


def _attempt(request: Write, *, in_steps: bool) -> Outcome:
    work = Work(request.actor, instants.now())
    work.in_steps = in_steps
    try:
        before, after = _read(request, work)
        live = before is not None and not before.deleted
        if (after is None and not live) or (live and before and same(before.resource, after or {})):
            return Outcome(before)
        record = _save(work, before, request, after)
        work.commit(request.interaction)
    except ClosingUnderWay as met:
        closing.complete(request.actor, met.encounter_id)
        raise Stale from None
    return Outcome(_completed(request, work, record), created=not live)


def _completed(request: Write, work: Work, record: Versioned) -> Versioned | None:
    """Complete the closings that were begun; give the record as it is then."""
    for session_id in work.begun:
        closing.complete(request.actor, session_id)
    if request.id in work.begun:
        return Work(request.actor, instants.now()).resource(request.type, request.id)
    return record


def _read(request: Write, work: Work) -> tuple[Versioned | None, Resource | None]:
    """Read the resource, hold its version against If-Match, and give it before and after."""
    before = work.resource(request.type, request.id)
    if request.if_match:
        version = before.version if before and not before.deleted else None
        if version is None or request.if_match not in (str(version), "*"):
            raise PreconditionFailed(
                f"If-Match asks for version {request.if_match}",
                diagnostics=f"The current version is {version}" if version else "There is none",
            )
    return before, request.change(before, work)


def _save(
    work: Work, before: Versioned | None, request: Write, after: Resource | None
) -> Versioned:
    if isinstance(before, EncounterRecord):
        return encounters.update(work, before, after) if after else encounters.delete(work, before)
    if isinstance(before, CommunicationRecord):
        if after is None:
            return communications.delete(work, before)
        return communications.update(work, before, after)
    if after is None:
        raise AssertionError("what is not there is not deleted")
    if request.type == "Encounter":
        return encounters.create(work, request.id, after)
    return communications.create(work, request.id, after)
