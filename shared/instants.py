"""FHIR dates and times as the stretch of time they may mean, to the nanosecond.

https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

import re
from datetime import MINYEAR, UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

# The width of an instant: nothing within it is told apart, so that it is a point.
POINT = 1
MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND
FOREVER = 10**30
# Local mean time differs from UTC by up to 15:56 hours (Manila, until 1844).
_WIDEST_OFFSET = 16 * 3600
_FRACTION_DIGITS = 9
_EPOCH = date(1970, 1, 1).toordinal()
_PATTERN = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


class Range(NamedTuple):
    """Nanoseconds since 1970, `low` included, `high` excluded: a point ends after its own one."""

    low: int
    high: int


ALWAYS = Range(-FOREVER, FOREVER)


@cache
def zone(name: str) -> tzinfo:
    """Give the IANA time zone of that name."""
    return ZoneInfo(name)


def now() -> datetime:
    """Give the present instant, cut to milliseconds as FHIR's `lastUpdated` is."""
    return floor(datetime.now(UTC))  # noqa: TID251 - all others ask here


def floor(moment: datetime) -> datetime:
    """Cut an instant to whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def written(moment: datetime) -> str:
    """Write an instant in UTC with milliseconds; such texts sort as the instants do."""
    return moment.astimezone(UTC).strftime("%4Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def read(text: str) -> datetime:
    """Read what `written` wrote."""
    return datetime.fromisoformat(text)


def from_nanoseconds(value: int) -> datetime:
    """Give the instant of a bound of a Range, cut to milliseconds and to the calendar's ends."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value // MILLISECOND)
    except OverflowError:
        end = datetime.min.replace(tzinfo=UTC) if value < 0 else datetime.max.replace(tzinfo=UTC)
        return floor(end)


def nanoseconds(moment: datetime) -> int:
    """Give an instant as the bounds of a Range count it."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def wall_clock(moment: datetime, local: tzinfo) -> datetime:
    """Return what clocks in a zone show at an instant, kept within the years that a date can have.

    West of UTC the first hours of the year 1 have no local date, nor have the last ones of 9999
    east of it.
    """
    try:
        return moment.astimezone(local)
    except OverflowError:
        if moment.year == MINYEAR:
            return datetime.min.replace(tzinfo=local)
        return datetime.max.replace(tzinfo=local)


def has_day(text: str) -> bool:
    """Tell whether a dateTime says at least which day it means."""
    return len(text) >= len("2021-06-15")


def parse(text: str, local: tzinfo = UTC) -> Range:
    """Return the range that a date or dateTime covers; without a zone it is read in `local`.

    A dateTime covers its minute or second; with a fraction it is a point, however many digits that
    has. Raises ValueError if the text is neither.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError("not a date or dateTime")
    try:
        return _range(match, local)
    except OverflowError:
        raise ValueError("beyond the calendar") from None


def point(text: str, local: tzinfo = UTC) -> Range:
    """Return the range of an `instant`, which is a point also where it has no fraction.

    Raises ValueError as `parse` does. https://hl7.org/fhir/R4/search.html#date
    """
    low = parse(text, local).low
    return Range(low, low + POINT)


def _range(match: re.Match[str], local: tzinfo) -> Range:
    year, month, day = (int(match[part] or 1) for part in ("year", "month", "day"))
    if match["hour"] is None:
        first = date(year, month, day)
        low, high = _midnight(first.toordinal(), local), _midnight(_day_after(match, first), local)
        # A zone that changed to the other side of the date line has skipped a day.
        return Range(low, max(high, low + POINT))
    return _time_of_day(match, date(year, month, day), local)


def _day_after(match: re.Match[str], first: date) -> int:
    """Return the ordinal of the day after the year, month or day written."""
    if match["day"]:
        return first.toordinal() + 1
    try:
        if match["month"]:
            return (first + timedelta(days=31)).replace(day=1).toordinal()
        return first.replace(year=first.year + 1).toordinal()
    except (ValueError, OverflowError):
        return date.max.toordinal() + 1


@lru_cache(maxsize=1024)
def _midnight(day: int, local: tzinfo) -> int:
    """Return the first instant of a local day, also where a clock change skips midnight."""
    second = (day - _EPOCH) * 86_400
    if local is UTC:
        return second * SECOND
    low, high = second - _WIDEST_OFFSET, second + _WIDEST_OFFSET
    try:
        while low < high:
            middle = (low + high) // 2
            if datetime.fromtimestamp(middle, local).toordinal() < day:
                low = middle + 1
            else:
                high = middle
    except (OverflowError, ValueError):
        return (second - _offset_at_an_end(day, local)) * SECOND
    return low * SECOND


def _offset_at_an_end(day: int, local: tzinfo) -> int:
    """Return the seconds by which local time is ahead of UTC on the first or last of all days."""
    within = date.fromordinal(min(max(day, 1), date.max.toordinal()))
    ahead = datetime(within.year, within.month, within.day, tzinfo=local).utcoffset() or timedelta()
    return round(ahead.total_seconds())


def _time_of_day(match: re.Match[str], day: date, local: tzinfo) -> Range:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    leap = second == 60  # noqa: PLR2004 - FHIR allows a leap second
    offset = _offset(match["zone"]) if match["zone"] else local
    moment = datetime(  # noqa: DTZ001 - a wall time, its zone is `offset`
        day.year, day.month, day.day, hour, minute, 59 if leap else second
    )
    shift = moment.replace(tzinfo=offset).utcoffset() or timedelta()
    # UTC may be a day outside the calendar, which a datetime could not be.
    since = moment - datetime(1970, 1, 1) - shift  # noqa: DTZ001 - as above
    low = (since.days * 86_400 + since.seconds) * SECOND
    if leap:
        # It belongs to the day in which it is written, and is after all else of that.
        return Range(low + SECOND - POINT, low + SECOND)
    if not match["fraction"]:
        return Range(low, low + (SECOND if match["second"] else 60 * SECOND))
    low += int(match["fraction"][:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0"))
    return Range(low, low + POINT)


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:])
    if hours > 14 or minutes > 59:  # noqa: PLR2004 - the clock's own limits
        raise ValueError("not a time zone offset")
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def period(value: dict[str, object], local: tzinfo = UTC) -> Range:
    """Give the range of a Period; a side that is not given is open."""
    start, end = value.get("start"), value.get("end")
    return Range(
        parse(start, local).low if isinstance(start, str) else -FOREVER,
        parse(end, local).high if isinstance(end, str) else FOREVER,
    )
