"""When an open Encounter is to be looked at, and what is to be done then."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.sessions.policies import DAILY, EXPLICIT, THREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What is stamped on an Encounter when it is opened, and whether it waits or is linked.

    `active` is the latest arrival, attaching or reopening of an attached thread; None without one.
    """

    policy: str
    opened: datetime
    start: datetime
    idle_minutes: int
    max_hours: int
    day_end: datetime | None
    active: datetime | None
    planned: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Close it now, or look again at `due`; neither where nothing more is to be done."""

    close: bool
    due: datetime | None = None


def closes_at(session: Opened) -> datetime | None:
    """Give when a session closes by itself as things stand; None where it does not."""
    if session.policy == DAILY:
        return session.day_end
    idle_at = None
    if session.idle_minutes and session.active and not session.planned:
        idle_at = session.active + timedelta(minutes=session.idle_minutes)
    if session.policy == THREAD:
        longest = session.opened + timedelta(hours=session.max_hours)
        return min(longest, idle_at) if idle_at else longest
    return idle_at


def first_look(session: Opened) -> datetime:
    """Give when an Encounter that opens, or is attached to, is to be looked at."""
    long_from = min(session.opened, session.start) + timedelta(hours=session.max_hours)
    by_itself = closes_at(session)
    if by_itself is None or session.policy == EXPLICIT:
        return min(by_itself or long_from, long_from)
    return by_itself


def verdict(session: Opened, now: datetime) -> Verdict:
    """Decide about an Encounter that is looked at."""
    by_itself = closes_at(session)
    if by_itself and by_itself <= now:
        return Verdict(close=True)
    return Verdict(close=False, due=by_itself)
