"""The range of time that a date, dateTime or instant covers."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

import pytest

from shared.fhir import instants
from shared.fhir.instants import POINT, SECOND, Range

CAIRO, NEW_YORK = ZoneInfo("Africa/Cairo"), ZoneInfo("America/New_York")
HOUR = 3600 * SECOND


def range_between(first: str, last: str) -> Range:
    """Return the range from the beginning of one time to the beginning of another."""
    return Range(instants.parse(first).low, instants.parse(last).low)


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("2026-03-10T10:30Z", 60 * SECOND),
        ("2026-03-10T10:30:15Z", SECOND),
        ("2026-03-10T10:30:15.3Z", POINT),
        ("2026-03-10T10:30:15.300Z", POINT),
        ("2026-03-10T10:30:15.000Z", POINT),
        ("2026-03-10T10:30:15.300000000000Z", POINT),
    ],
)
def test_a_time_covers_its_last_unit_and_a_fraction_is_a_point(text: str, width: int) -> None:
    covered = instants.parse(text)
    assert covered.high - covered.low == width


@pytest.mark.parametrize("fraction", ["301", "3010", "301000", "301000000", "3010000000000"])
def test_trailing_zeros_of_a_fraction_mean_nothing(fraction: str) -> None:
    text = f"2026-03-10T10:30:15.{fraction}Z"
    assert (
        instants.parse(text)
        == instants.parse_instant(text)
        == instants.parse("2026-03-10T10:30:15.301Z")
    )


def test_an_instant_is_a_point_without_a_fraction_too() -> None:
    assert instants.parse_instant("2026-03-10T10:30:15Z") == instants.parse(
        "2026-03-10T10:30:15.0Z"
    )


@pytest.mark.parametrize(
    ("text", "zone", "covered"),
    [
        # The clock jumps from 23:59 to 01:00: the day has 23 hours and begins at one.
        ("2026-04-24", CAIRO, range_between("2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z")),
        (
            "2026-04-24T00:30:00",
            CAIRO,
            range_between("2026-04-23T22:30:00Z", "2026-04-23T22:30:01Z"),
        ),
        # The clock goes back from 23:59 to 23:00: the day has 25 hours.
        ("2026-10-29", CAIRO, range_between("2026-10-28T21:00:00Z", "2026-10-29T22:00:00Z")),
        ("2026-03-08", NEW_YORK, range_between("2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z")),
        ("2026-11-01", NEW_YORK, range_between("2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z")),
        ("2026-04", CAIRO, range_between("2026-03-31T22:00:00Z", "2026-04-30T21:00:00Z")),
        # In Manila mean time was nearly 16 hours behind, on the other side of the date line.
        (
            "1800-01-01",
            ZoneInfo("Asia/Manila"),
            range_between("1800-01-01T15:56:08Z", "1800-01-02T15:56:08Z"),
        ),
    ],
)
def test_a_day_is_in_the_zone_of_the_clinic(text: str, zone: tzinfo, covered: Range) -> None:
    assert instants.parse(text, zone) == covered


def test_a_day_skipped_by_a_zone_is_a_point() -> None:
    apia = ZoneInfo("Pacific/Apia")
    skipped, after = (instants.parse(day, apia) for day in ("2011-12-30", "2011-12-31"))
    assert skipped == Range(after.low, after.low + POINT)


@pytest.mark.parametrize("name", ["UTC", "America/New_York", "Asia/Tokyo", "Asia/Manila"])
def test_the_calendars_first_and_last_days_are_local_days(name: str) -> None:
    zone = ZoneInfo(name)
    for year in ("0001", "9999"):
        whole = instants.parse(year, zone)
        first, last = (instants.parse(f"{year}-{day}", zone) for day in ("01-01", "12-31"))
        assert (whole.low, whole.high) == (first.low, last.high)
        assert first.high - first.low == last.high - last.low == 24 * HOUR
        assert instants.parse(f"{year}-01-02", zone).low == first.high
        assert instants.parse(f"{year}-12-31T23:59:59", zone).high == last.high
        assert instants.parse(f"{year}-01-01T00:00:00", zone).low == first.low


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2016-12-31T23:59:60Z", "2016-12-31"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31"),
        ("9999-12-31T23:59:60Z", "9999-12-31"),
    ],
)
def test_a_leap_second_is_the_end_of_its_day(text: str, day: str) -> None:
    leap, whole, second = (
        instants.parse(moment, UTC) for moment in (text, day, f"{day}T23:59:59Z")
    )
    assert second.low < leap.low < leap.high == whole.high
