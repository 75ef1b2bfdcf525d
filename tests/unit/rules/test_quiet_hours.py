"""Quiet hours end when the clock of the zone says so, also across midnight and clock changes."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from shared.rules.quiet_hours import quiet_until

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("begin", "end", "now", "until"),
    [
        # Within a day.
        ("12:00", "14:00", "2026-03-02 11:59:59", ""),
        ("12:00", "14:00", "2026-03-02 12:00:00", "2026-03-02 14:00:00"),
        ("12:00", "14:00", "2026-03-02 13:59:59", "2026-03-02 14:00:00"),
        ("12:00", "14:00", "2026-03-02 14:00:00", ""),
        # Across midnight.
        ("21:00", "08:00", "2026-03-02 20:59:59", ""),
        ("21:00", "08:00", "2026-03-02 21:00:00", "2026-03-03 08:00:00"),
        ("21:00", "08:00", "2026-03-03 00:00:00", "2026-03-03 08:00:00"),
        ("21:00", "08:00", "2026-03-03 07:59:59", "2026-03-03 08:00:00"),
        ("21:00", "08:00", "2026-03-03 08:00:00", ""),
        ("21:00", "08:00", "2026-12-31 23:00:00", "2027-01-01 08:00:00"),
        # To midnight, and from it.
        ("21:00", "00:00", "2026-03-02 23:00:00", "2026-03-03 00:00:00"),
        ("21:00", "00:00", "2026-03-03 00:00:00", ""),
        ("00:00", "08:00", "2026-03-03 00:00:00", "2026-03-03 08:00:00"),
        # Of no length.
        ("08:00", "08:00", "2026-03-03 08:00:00", ""),
        # The clock is set forward from 2 to 3, or back from 3 to 2.
        ("21:00", "08:00", "2026-03-28 22:00:00", "2026-03-29 08:00:00"),
        ("21:00", "02:30", "2026-03-29 01:59:59", "2026-03-29 03:30:00"),
        ("02:00", "02:30", "2026-03-29 03:00:00", ""),
        ("21:00", "08:00", "2026-10-24 22:00:00", "2026-10-25 08:00:00"),
    ],
)
def test_they_end_at_their_end(begin: str, end: str, now: str, until: str) -> None:
    found = quiet_until(
        datetime.fromisoformat(now).replace(tzinfo=BERLIN),
        time.fromisoformat(begin),
        time.fromisoformat(end),
        BERLIN,
    )
    assert (found.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M:%S") if found else "") == until


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-10-25T00:10:00", "2026-10-25T01:30:00"),
        ("2026-10-25T00:40:00", None),
        ("2026-10-25T01:10:00", "2026-10-25T01:30:00"),
        ("2026-10-25T01:30:00", None),
    ],
)
def test_an_end_that_the_clock_shows_twice_is_the_second(now: str, until: str | None) -> None:
    """In UTC: the clock shows 2:30 at 0:30 and, set back from 3 to 2 at 1:00, again at 1:30."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = quiet_until(at, time(21), time(2, 30), BERLIN)
    assert found == (datetime.fromisoformat(until).replace(tzinfo=UTC) if until else None)
