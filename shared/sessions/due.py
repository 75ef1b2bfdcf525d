"""When an open Encounter is to be looked at, and what is to be done then."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.sessions.policies import DAILY, THREAD

# How long after it has lasted long an Encounter may still be without its second rows.
GRACE = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What is stamped on an Encounter when it is opened, and whether it waits or is linked.

    `active` is the latest arrival, attaching or reopening of an attached thread; None without one.
    `long_from` is when it has lasted long; None where that is known already.
    """

    policy: str
    opened: datetime
    long_from: datetime | None
    idle_minutes: int
    max_hours: int
    day_end: datetime | None
    active: datetime | None
    planned: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Close it now, or look again at `due`; neither where nothing more is to be done.

    `is_long` tells that it has lasted long by now.
    """

    close: bool
    due: datetime | None = None
    is_long: bool = False


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


def first_look(session: Opened) -> datetime | None:
    """Give when an Encounter that opens, or is attached to, is to be looked at."""
    by_itself, long_from = closes_at(session), session.long_from
    if by_itself is None or long_from is None:
        return by_itself or long_from
    # What is about to close needs no second rows.
    return by_itself if by_itself - GRACE <= long_from else min(by_itself, long_from)


def verdict(session: Opened, now: datetime) -> Verdict:
    """Decide about an Encounter that is looked at."""
    by_itself = closes_at(session)
    if by_itself and by_itself <= now:
        return Verdict(close=True)
    is_long = session.long_from is not None and session.long_from <= now
    again = first_look(replace(session, long_from=None) if is_long else session)
    return Verdict(close=False, due=again, is_long=is_long)
