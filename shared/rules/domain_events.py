"""The domain events of sessions, messages and threads, from a record before and after a write.

They are published once their transaction has committed (shared/events). A resource that does not
exist, or is deleted, is empty. Other resources are named by references; instants are texts in UTC.
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


type DomainEvent = (
    SessionOpened
    | SessionClosed
    | SessionAmended
    | MessageJoinedSession
    | ThreadLinked
    | ThreadUnlinked
)


def of_session(
    before: Resource,
    after: Resource,
    type_system: str,
    *,
    policy: str,
    figures: Figures,
    earlier: Figures,
) -> list[SessionOpened | SessionClosed | SessionAmended]:
    """Return the events of an Encounter as a session, whose figures were `earlier` before.

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
    """Return the event of a message that has joined a session, if it has.

    Session and thread are given by their ids; `earlier` is the session that the message had before.
    """
    if earlier or not session:
        return []
    return [MessageJoinedSession(_encounter(session), str(Literal("Communication", thread)), at)]


def of_thread(
    before: Resource, after: Resource, since: str = ""
) -> list[ThreadLinked | ThreadUnlinked]:
    """Return the events of a thread whose link has changed; messages have waited for it `since`."""
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


def to_json(event: DomainEvent) -> dict[str, Any]:
    """Return an event as JSON: its name, and its fields that are not empty."""
    named = ((field.name, getattr(event, field.name)) for field in fields(event))
    return {"name": type(event).__name__, **{name: value for name, value in named if value}}
