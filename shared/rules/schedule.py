"""The schedule of open Encounters: when each is next due, and what to do with it then."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.rules.policies import DAILY, THREAD

# An Encounter that has become long may be without its second index rows for this time: searches
# by date allow for it, and one that closes meanwhile never needs the rows.
GRACE = timedelta(hours=12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The facts about an open Encounter that decide when it is due.

    Policy, opening time and limits are those stamped on it at opening. `active` is the latest
    arrival, attaching or reopening of an attached thread, None if no thread is attached.
    `long_from` is when the Encounter becomes long and needs its second index rows, None if it
    already is. `planned` is whether its status is `planned`.
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
    """What to do with an Encounter that is due: close it now, or look at it again at `due`.

    Without `close` and `due` there is nothing more to do. `is_long` is whether the Encounter has
    become long by now, and needs its second index rows.
    """

    close: bool
    due: datetime | None = None
    is_long: bool = False


def closes_at(session: Opened) -> datetime | None:
    """Return when a session closes by itself if nothing more happens, or None if it never does."""
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
    """Return when an Encounter that is opened, or gets another thread, is due; None for never."""
    closing, long_from = closes_at(session), session.long_from
    if closing is None or long_from is None:
        return closing or long_from
    # A session that closes within the grace needs no second rows.
    return closing if closing - GRACE <= long_from else min(closing, long_from)


def verdict(session: Opened, now: datetime) -> Verdict:
    """Return what to do with an Encounter that is due."""
    closing = closes_at(session)
    if closing and closing <= now:
        return Verdict(close=True)
    is_long = session.long_from is not None and session.long_from <= now
    due = first_look(replace(session, long_from=None) if is_long else session)
    return Verdict(close=False, due=due, is_long=is_long)
