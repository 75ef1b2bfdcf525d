"""When an open Encounter is looked at, and what is done then."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zlib import crc32

from shared.catalog.policies import LONG_ENCOUNTER_GRACE
from shared.rules.policies import behaviour


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The limits stamped on an Encounter when it was opened, and the activity of its threads.

    `last_activity` is the latest arrival, attaching or reopening of an attached thread; None
    without one. `long_from` is when it becomes long; None if it has its second index rows already.
    `close_delay` is how long after its day a daily session is closed, so that not all are closed at
    once.
    """

    policy: str
    opened_at: datetime
    long_from: datetime | None
    idle_minutes: int
    max_hours: int
    day_end: datetime | None
    last_activity: datetime | None
    is_planned: bool
    close_delay: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Close the Encounter now, or look again at `due`; without either nothing more is to be done.

    `is_long` says whether it has become long by now.
    """

    must_close: bool
    due: datetime | None = None
    is_long: bool = False


def delay_of(encounter_id: str, minutes: int) -> timedelta:
    """Return the delay of an Encounter, always the same, out of a stretch of minutes."""
    return timedelta(seconds=crc32(encounter_id.encode()) % (minutes * 60) if minutes else 0)


def end_by_policy(session: Timing) -> datetime | None:
    """Return when a session is over by its policy, as things stand; None if it is not by itself."""
    if behaviour(session.policy).by_day:
        return session.day_end
    ends = []
    if session.idle_minutes and session.last_activity and not session.is_planned:
        ends.append(session.last_activity + timedelta(minutes=session.idle_minutes))
    if behaviour(session.policy).ends_after_max_hours:
        ends.append(session.opened_at + timedelta(hours=session.max_hours))
    return min(ends, default=None)


def scheduled_end(session: Timing) -> datetime | None:
    """Return `end_by_policy` with the delay after which the schedule closes a daily session."""
    return _delayed(session, end_by_policy(session))


def next_due(session: Timing) -> datetime | None:
    """Return when to look at an Encounter that opens, or None if never."""
    return _delayed(session, _undelayed_first_look(session))


def due_after_attaching(session: Timing, due: datetime | None) -> datetime | None:
    """Return when to look at a session that a thread was just attached to: at `due` or earlier.

    The end of a daily session may have moved to that of the day of reopening, also to later.
    """
    first = next_due(session)
    if behaviour(session.policy).by_day:
        return first
    return min(filter(None, (due, first)), default=None)


def verdict(session: Timing, now: datetime) -> Verdict:
    """Return what to do with an Encounter that is looked at."""
    by_itself = end_by_policy(session)
    if by_itself and by_itself <= now:
        return Verdict(must_close=True)
    is_long = session.long_from is not None and session.long_from <= now
    again = next_due(replace(session, long_from=None) if is_long else session)
    return Verdict(must_close=False, due=again, is_long=is_long)


def _undelayed_first_look(session: Timing) -> datetime | None:
    by_itself, long_from = end_by_policy(session), session.long_from
    if by_itself is None or long_from is None:
        return by_itself or long_from
    # A session that is about to close needs no second index rows.
    return by_itself if by_itself - LONG_ENCOUNTER_GRACE <= long_from else min(by_itself, long_from)


def _delayed(session: Timing, moment: datetime | None) -> datetime | None:
    is_of_day = behaviour(session.policy).by_day and session.day_end
    return moment + session.close_delay if moment and is_of_day else moment
