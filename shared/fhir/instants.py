"""FHIR dates and times, parsed into ranges of nanoseconds.

A date or dateTime stands for every instant within its precision: 2021-06 is the whole month.

https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

import re
from datetime import MINYEAR, UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

# The width of a single instant, in nanoseconds: the smallest difference that a Range can express.
POINT = 1
MILLISECOND = 1_000_000
SECOND = 1_000 * MILLISECOND
FOREVER = 10**30
# Local mean time differs from UTC by up to 15:56 hours (Manila, until 1844).
_WIDEST_OFFSET = 16 * 3600
_FRACTION_DIGITS = 9
# Longer texts, with fractions of many digits, are parsed each time, so that the cache stays small.
_LONGEST_CACHED_INSTANT = 40
_EPOCH = date(1970, 1, 1).toordinal()
_PATTERN = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


class Range(NamedTuple):
    """A range in nanoseconds since 1970: `low` is included, `high` is excluded.

    A single instant is a range of width `POINT`.
    """

    low: int
    high: int


ALWAYS = Range(-FOREVER, FOREVER)


@cache
def zone(name: str) -> tzinfo:
    """Return the IANA time zone of a name."""
    return ZoneInfo(name)


def now() -> datetime:
    """Return the current instant, truncated to milliseconds as FHIR's `lastUpdated` is."""
    return truncate(datetime.now(UTC))  # noqa: TID251 - the one place that reads the clock


def truncate(moment: datetime) -> datetime:
    """Truncate an instant to whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def to_text(moment: datetime) -> str:
    """Format an instant in UTC with milliseconds, so that texts sort in the order of instants."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """Parse an instant that `to_text` formatted."""
    return datetime.fromisoformat(text)


def from_nanoseconds(value: int) -> datetime:
    """Return the instant of a Range's bound, truncated to milliseconds.

    A bound beyond the years 1 to 9999 becomes the first or last instant of the calendar.
    """
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value // MILLISECOND)
    except OverflowError:
        end = datetime.min.replace(tzinfo=UTC) if value < 0 else datetime.max.replace(tzinfo=UTC)
        return truncate(end)


def to_nanoseconds(moment: datetime) -> int:
    """Return an instant as nanoseconds since 1970, as the bounds of a Range are counted."""
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def local_time(moment: datetime, local: tzinfo) -> datetime:
    """Return the local time of a zone at an instant, limited to the years that a date can have.

    West of UTC, the first hours of the year 1 have no local date. East of it, the last hours of
    9999 have none.
    """
    try:
        return moment.astimezone(local)
    except OverflowError:
        if moment.year == MINYEAR:
            return datetime.min.replace(tzinfo=local)
        return datetime.max.replace(tzinfo=local)


def has_day(text: str) -> bool:
    """Return whether a dateTime has at least the precision of a day."""
    return len(text) >= len("2021-06-15")


def parse(text: str, local: tzinfo = UTC) -> Range:
    """Return the range that a date or dateTime covers; `local` is the zone of one without.

    A dateTime covers its minute or second. With a fraction of a second it is a single instant,
    whatever the number of digits. Raises ValueError if the text is neither.
    """
    return _cached(text, local) if len(text) <= _LONGEST_CACHED_INSTANT else _parsed(text, local)


def _parsed(text: str, local: tzinfo) -> Range:
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError("not a date or dateTime")
    try:
        return _range(match, local)
    except OverflowError:
        raise ValueError("outside of the calendar") from None


_cached = lru_cache(maxsize=1024)(_parsed)


def parse_instant(text: str, local: tzinfo = UTC) -> Range:
    """Return the range of an `instant`, which is a single point even without a fraction.

    Raises ValueError as `parse` does. https://hl7.org/fhir/R4/search.html#date
    """
    low = parse(text, local).low
    return Range(low, low + POINT)


def _range(match: re.Match[str], local: tzinfo) -> Range:
    year, month, day = (int(match[part] or 1) for part in ("year", "month", "day"))
    if match["hour"] is None:
        first = date(year, month, day)
        low, high = _midnight(first.toordinal(), local), _midnight(_day_after(match, first), local)
        # A zone that moved across the date line has skipped a day, which then has no width.
        return Range(low, max(high, low + POINT))
    return _time_of_day(match, date(year, month, day), local)


def _day_after(match: re.Match[str], first: date) -> int:
    """Return the ordinal of the day that follows the year, month or day of the match."""
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
    """Return the first instant of a local day, even if a clock change skips midnight."""
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
        return (second - _offset_at_calendar_end(day, local)) * SECOND
    return low * SECOND


def _offset_at_calendar_end(day: int, local: tzinfo) -> int:
    """Return the seconds that local time is ahead of UTC on the calendar's first or last day."""
    within = date.fromordinal(min(max(day, 1), date.max.toordinal()))
    ahead = datetime(within.year, within.month, within.day, tzinfo=local).utcoffset() or timedelta()
    return round(ahead.total_seconds())


def _time_of_day(match: re.Match[str], day: date, local: tzinfo) -> Range:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    is_leap = second == 60  # noqa: PLR2004 - FHIR allows a leap second
    offset = _offset(match["zone"]) if match["zone"] else local
    moment = datetime(  # noqa: DTZ001 - a local time, whose zone is `offset`
        day.year, day.month, day.day, hour, minute, 59 if is_leap else second
    )
    shift = moment.replace(tzinfo=offset).utcoffset() or timedelta()
    # In UTC the time may lie a day outside of the calendar, which a datetime cannot represent.
    since = moment - datetime(1970, 1, 1) - shift  # noqa: DTZ001 - as above
    low = (since.days * 86_400 + since.seconds) * SECOND
    if is_leap:
        # A leap second belongs to the day it is written in, after everything else of that day.
        return Range(low + SECOND - POINT, low + SECOND)
    if not match["fraction"]:
        return Range(low, low + (SECOND if match["second"] else 60 * SECOND))
    low += int(match["fraction"][:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0"))
    return Range(low, low + POINT)


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[4:])
    if hours > 14 or minutes > 59:  # noqa: PLR2004 - the largest offset that FHIR allows
        raise ValueError("not a time zone offset")
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=hours, minutes=minutes))


def period_range(value: dict[str, object], local: tzinfo = UTC) -> Range:
    """Return the range of a Period; a missing start or end leaves that side open."""
    start, end = value.get("start"), value.get("end")
    return Range(
        parse(start, local).low if isinstance(start, str) else -FOREVER,
        parse(end, local).high if isinstance(end, str) else FOREVER,
    )
