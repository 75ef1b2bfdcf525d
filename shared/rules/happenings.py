"""What happens to sessions and threads: domain events, from what was before and what is after.

They are told to others once their transaction has committed (shared/events). Resources that are
not there are empty. What others are referred to by is a reference; instants are strings in UTC.
"""

from dataclasses import dataclass, fields
from typing import Any

from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.rules.classification import (
    FINISHED,
    encounter_id,
    header_id,
    is_open_session,
    is_session,
)
from shared.rules.state import Figures


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A session has begun, or is open again; `policy` is empty if none was recorded."""

    policy: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A session has ended or was deleted; `first` and `last` are the *at* of its messages."""

    policy: str
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class SessionAmended:
    """A late or retracted message has changed a session that had ended."""

    policy: str
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class MessageJoinedSession:
    """A message has got its effective session, at which instant it counts."""

    session: str
    thread: str
    at: str


@dataclass(frozen=True, slots=True)
class ThreadLinked:
    """A header names an Encounter.

    `since` is the *at* of the earliest message that had waited for this link; empty if none had.
    """

    encounter: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class ThreadUnlinked:
    """A header no longer names an Encounter, or was deleted."""

    encounter: str


type SessionHappening = SessionOpened | SessionClosed | SessionAmended
type Happening = SessionHappening | MessageJoinedSession | ThreadLinked | ThreadUnlinked


def of_session(
    before: Resource,
    after: Resource,
    type_system: str,
    *,
    policy: str,
    figures: Figures,
    earlier: Figures,
) -> list[SessionHappening]:
    """Return what happened to an Encounter as a session, whose figures were `earlier` before.

    A session that is finished when it is created has opened and closed.
    """
    was, now = is_open_session(before, type_system), is_open_session(after, type_system)
    closed = SessionClosed(policy, figures.first, figures.last)
    if was is not now:
        return [SessionOpened(policy)] if now else [closed]
    if now or not is_session(after or before, type_system):
        return []
    if not before:
        return [SessionOpened(policy), closed] if after.get("status") == FINISHED else []
    if after and after != before and figures != earlier:
        return [SessionAmended(policy, figures.first, figures.last)]
    return []


def of_message(earlier: str, session: str, thread: str, at: str) -> list[MessageJoinedSession]:
    """Return whether a message has joined a session, all of them given by their ids.

    `earlier` is the session that the message had before.
    """
    if earlier or not session:
        return []
    return [MessageJoinedSession(_encounter(session), str(Literal("Communication", thread)), at)]


def of_thread(
    before: Resource, after: Resource, since: str = ""
) -> list[ThreadLinked | ThreadUnlinked]:
    """Return how the link of a thread has changed, of which messages have waited `since`."""
    was, now = _link(before), _link(after)
    if was == now:
        return []
    unlinked = [ThreadUnlinked(was)] if was else []
    return [*unlinked, ThreadLinked(now, since)] if now else [*unlinked]


def _link(communication: Resource) -> str:
    """Return the reference of the Encounter that a header names; empty for a message."""
    named = "" if header_id(communication) else encounter_id(communication)
    return _encounter(named) if named else ""


def _encounter(own_id: str) -> str:
    return str(Literal("Encounter", own_id))


def facts(happening: Happening) -> dict[str, Any]:
    """Return a happening as JSON: its name, and what it says, without what is empty."""
    named = ((field.name, getattr(happening, field.name)) for field in fields(happening))
    return {"name": type(happening).__name__, **{name: value for name, value in named if value}}
