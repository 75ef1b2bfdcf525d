"""Closing times and due rows of open Encounters; rows as in sessions.md."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.catalog.policies import DAILY, EXPLICIT, LONG_ENCOUNTER_GRACE, THREAD
from shared.rules import schedule
from shared.rules.schedule import Timing, Verdict

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 3, tzinfo=UTC)
WEEK = timedelta(hours=168)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def timing(policy: str, **facts: Any) -> Timing:
    """Return a session opened at ten, without a thread and without a limit of idle minutes."""
    day_end = MIDNIGHT if policy == DAILY else None
    usual: dict[str, Any] = {
        "long_from": None,
        "idle_minutes": 0,
        "max_hours": 168,
        "last_activity": None,
    }
    usual |= {"is_planned": False, "day_end": day_end}
    return Timing(policy=policy, opened_at=TEN, **usual | facts)


@pytest.mark.parametrize(
    ("session", "end"),
    [
        pytest.param(
            timing(EXPLICIT, idle_minutes=60, last_activity=TEN + HOUR),
            TEN + 2 * HOUR,
            id="idle: from the latest arrival, attaching or reopening",
        ),
        pytest.param(
            timing(DAILY, idle_minutes=60, last_activity=TEN),
            MIDNIGHT,
            id="idle: never under daily",
        ),
        pytest.param(
            timing(EXPLICIT, idle_minutes=60), None, id="idle: never without an attached thread"
        ),
        pytest.param(
            timing(EXPLICIT, idle_minutes=60, last_activity=TEN, is_planned=True),
            None,
            id="idle: never while planned",
        ),
        pytest.param(timing(EXPLICIT, last_activity=TEN), None, id="idle: never if the limit is 0"),
        pytest.param(timing(THREAD), TEN + WEEK, id="SessionMaxHours: from the opening"),
        pytest.param(
            timing(THREAD, max_hours=2, idle_minutes=180, last_activity=TEN),
            TEN + 2 * HOUR,
            id="SessionMaxHours: before it is idle",
        ),
        pytest.param(
            timing(THREAD, idle_minutes=60, last_activity=TEN),
            TEN + HOUR,
            id="SessionMaxHours: after it is idle",
        ),
        pytest.param(
            timing(THREAD, is_planned=True), TEN + WEEK, id="SessionMaxHours: also while planned"
        ),
        pytest.param(timing(EXPLICIT), None, id="SessionMaxHours: closes nothing under explicit"),
        pytest.param(timing(DAILY), MIDNIGHT, id="day: ends at the first instant of the next date"),
        pytest.param(timing(DAILY, day_end=None), None, id="day: none, no end"),
        pytest.param(timing(""), None, id="plain record: never"),
    ],
)
def test_a_session_closes_by_itself(session: Timing, end: datetime | None) -> None:
    assert schedule.end_by_policy(session) == end


@pytest.mark.parametrize(
    ("session", "due"),
    [
        pytest.param(timing(EXPLICIT), None, id="neither closes nor becomes long: never"),
        pytest.param(
            timing(EXPLICIT, long_from=TEN + WEEK), TEN + WEEK, id="explicit: when it becomes long"
        ),
        pytest.param(
            timing(THREAD, long_from=TEN + WEEK), TEN + WEEK, id="closes as it becomes long: once"
        ),
        pytest.param(
            timing(THREAD, long_from=TEN),
            TEN,
            id="closes long after it has become long: for its second rows",
        ),
        pytest.param(
            timing(THREAD, long_from=TEN + WEEK - LONG_ENCOUNTER_GRACE),
            TEN + WEEK,
            id="closes within the grace: no second rows",
        ),
        pytest.param(
            timing(THREAD, long_from=TEN + WEEK - LONG_ENCOUNTER_GRACE - MINUTE),
            TEN + WEEK - LONG_ENCOUNTER_GRACE - MINUTE,
            id="closes after the grace: second rows",
        ),
        pytest.param(
            timing(DAILY, close_delay=MINUTE),
            MIDNIGHT + MINUTE,
            id="daily: with its delay after the day",
        ),
        pytest.param(
            timing(THREAD, close_delay=MINUTE),
            TEN + WEEK,
            id="other policies: on time, without a delay",
        ),
    ],
)
def test_the_first_due_time_of_an_encounter(session: Timing, due: datetime | None) -> None:
    assert schedule.next_due(session) == due


@pytest.mark.parametrize(
    ("session", "planned", "due"),
    [
        pytest.param(
            timing(EXPLICIT, idle_minutes=60, last_activity=TEN),
            TEN + 2 * HOUR,
            TEN + HOUR,
            id="idle is set and earlier: then",
        ),
        pytest.param(
            timing(EXPLICIT, idle_minutes=60, last_activity=TEN),
            TEN + MINUTE,
            TEN + MINUTE,
            id="idle is later: as before",
        ),
        pytest.param(
            timing(EXPLICIT, idle_minutes=60, last_activity=TEN),
            None,
            TEN + HOUR,
            id="no date yet: idle",
        ),
        pytest.param(timing(EXPLICIT, last_activity=TEN), None, None, id="neither: never"),
        pytest.param(
            timing(DAILY, last_activity=TEN, day_end=MIDNIGHT + DAY),
            MIDNIGHT,
            MIDNIGHT + DAY,
            id="daily: the end of the day of reopening",
        ),
    ],
)
def test_the_due_time_of_a_session_after_an_attachment(
    session: Timing, planned: datetime | None, due: datetime | None
) -> None:
    assert schedule.due_after_attaching(session, planned) == due


@pytest.mark.parametrize(
    ("session", "now", "verdict"),
    [
        pytest.param(
            timing(THREAD, idle_minutes=60, last_activity=TEN),
            TEN + HOUR,
            Verdict(must_close=True),
            id="idle long enough: close",
        ),
        pytest.param(
            timing(THREAD, idle_minutes=60, last_activity=TEN + MINUTE),
            TEN + HOUR,
            Verdict(must_close=False, due=TEN + HOUR + MINUTE),
            id="not idle long enough: look again",
        ),
        pytest.param(
            timing(DAILY, close_delay=MINUTE),
            MIDNIGHT,
            Verdict(must_close=True),
            id="the day is over: close",
        ),
        pytest.param(
            timing(EXPLICIT, long_from=TEN),
            TEN,
            Verdict(must_close=False, is_long=True),
            id="explicit, long: second rows, never again",
        ),
        pytest.param(
            timing(THREAD, long_from=TEN),
            TEN,
            Verdict(must_close=False, due=TEN + WEEK, is_long=True),
            id="thread, long: second rows, again for its end",
        ),
        pytest.param(
            timing(EXPLICIT, long_from=TEN + HOUR),
            TEN,
            Verdict(must_close=False, due=TEN + HOUR),
            id="not long yet: look again",
        ),
    ],
)
def test_the_verdict_on_a_due_encounter(session: Timing, now: datetime, verdict: Verdict) -> None:
    assert schedule.verdict(session, now) == verdict


def test_the_delays_of_encounters_are_spread_over_the_minutes() -> None:
    delays = [schedule.delay_of(f"encounter-{number}", 30) for number in range(200)]
    assert timedelta() <= min(delays) < 2 * MINUTE
    assert 28 * MINUTE < max(delays) < 30 * MINUTE
    assert delays[0] == schedule.delay_of("encounter-0", 30)


def test_without_a_spread_nothing_is_delayed() -> None:
    assert schedule.delay_of("encounter", 0) == timedelta()
