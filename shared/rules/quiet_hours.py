"""Quiet hours: the local hours of a day in which nobody is written to."""

from datetime import UTC, datetime, time, timedelta, tzinfo


def quiet_until(now: datetime, begin: time, end: time, zone: tzinfo) -> datetime | None:
    """Return when the quiet hours that `now` is in are over, None if it is in none.

    They begin at `begin` and are over at `end`, which is of the next day if it is not later. Both
    are what a clock of the zone shows. Where it shows the end twice, or skips it, because it is set
    back or forward, the later of the two instants that this can be is returned.
    """
    clock = now.astimezone(zone)
    shown = clock.time()
    is_quiet = begin <= shown < end if begin < end else shown >= begin or shown < end
    if begin == end or not is_quiet:
        return None
    day = clock.date() + timedelta(days=1) if shown >= end else clock.date()
    over = datetime.combine(day, end, zone)
    return max(over.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
