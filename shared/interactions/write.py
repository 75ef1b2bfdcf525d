"""The writing of one resource: read, check, change, save."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.access import Actor
from shared.errors import PreconditionFailed
from shared.interactions import communications, encounters, permitted
from shared.interactions.changes import Outcome, make
from shared.resources.equality import same
from shared.store.records import CommunicationRecord, EncounterRecord, Versioned
from shared.store.work import Work

type Resource = dict[str, Any]
type Change = Callable[[Versioned | None, Work], Resource | None]


@dataclass(frozen=True, slots=True)
class Write:
    """One resource to be written.

    `change` gives its new content from what it is now; None deletes it. `if_match` is the version
    it must have; `is_new` says that the id was made just now, so that there is nothing to read.
    """

    actor: Actor
    interaction: str
    type: str
    id: str
    change: Change
    if_match: str = ""
    is_new: bool = False


def write(request: Write) -> Outcome:
    """Write one resource in one transaction; a closing that does not fit it in several.

    Raises PreconditionFailed, Transient, and what the change and the rules raise.
    """
    return make(request.actor, request.interaction, lambda work: _write(request, work))


def _write(request: Write, work: Work) -> Outcome:
    before, after = _read(request, work)
    live = before is not None and not before.deleted
    if (after is None and not live) or (live and before and same(before.resource, after or {})):
        return Outcome(before)
    permitted.check(work, before.resource if before else {}, after)
    return Outcome(_save(work, before, request, after), created=not live)


def _read(request: Write, work: Work) -> tuple[Versioned | None, Resource | None]:
    """Read the resource, hold its version against If-Match, and give it before and after."""
    before = None if request.is_new else work.resource(request.type, request.id)
    if not work.sight.sees_record(before):
        before = None
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
