"""What happens to sessions, as events that metrics count."""

from dataclasses import dataclass
from typing import Any

from shared.rules.classification import is_open, is_session

type Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A session has begun, or is open again; `policy` is empty if none was recorded."""

    policy: str


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A session has ended or was deleted."""

    policy: str


type SessionEvent = SessionOpened | SessionClosed


def event_of_change(
    before: Resource, after: Resource, policy: str, type_system: str
) -> SessionEvent | None:
    """Return what happened to a session; a resource that is not there is empty."""
    was, now = _is_open_session(before, type_system), _is_open_session(after, type_system)
    if was is now:
        return None
    return SessionOpened(policy) if now else SessionClosed(policy)


def _is_open_session(resource: Resource, type_system: str) -> bool:
    return bool(resource) and is_open(resource) and is_session(resource, type_system)
