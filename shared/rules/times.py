"""The instant at which a message counts, its position in the thread's order, and local days.

A day begins with the first instant of its date, as does a `sent` that is only a date.
"""

from datetime import datetime, tzinfo
from typing import Any

from shared.catalog.access_patterns import MESSAGE
from shared.fhir import instants, ulids

_LATEST_DATED = ulids.UNDATED - 1
_HOUR = 3600 * instants.SECOND
# A clock that was never set shows this date, or the day before in zones west of Greenwich.
_UNSET = "1970-01-01"
_SET_FROM = instants.parse(_UNSET).high


def message_instant(
    message: dict[str, Any],
    received: datetime,
    zone: tzinfo,
    *,
    tolerance_hours: int | None = None,
    is_created: bool = False,
) -> str:
    """Return the instant at which a message counts: the earlier of `sent` and `received`.

    `received` is when the server received the message. `sent` may lie at most `tolerance_hours`
    before that, any time before if None. If it is None and the message is being created without a
    usable `sent`, the message's own `received` stands in for it. A date without a time means the
    start of that local day; a year or month alone is ignored.
    """
    now = instants.to_nanoseconds(received)
    claimed = _claimed(message.get("sent"), zone)
    if claimed is None and is_created and tolerance_hours is None:
        claimed = _claimed(message.get("received"), zone)
    if claimed is None or claimed >= now:
        return instants.to_text(received)
    if tolerance_hours is not None:
        claimed = max(claimed, now - tolerance_hours * _HOUR)
    return instants.to_text(instants.from_nanoseconds(claimed))


def _claimed(text: object, zone: tzinfo) -> int | None:
    """Return the instant of a dateTime, in nanoseconds.

    None if it has no day, or comes from a clock that was never set.
    """
    if not isinstance(text, str) or not instants.has_day(text) or text[: len(_UNSET)] <= _UNSET:
        return None
    low = instants.parse(text, zone).low
    return None if "T" in text and low < _SET_FROM else low


def order_milliseconds(message: dict[str, Any], received: datetime, zone: tzinfo) -> int:
    """Return a message's position in its thread, as the milliseconds of a ULID.

    It is `sent` as written, whenever the message counts, because searches by `sent` read a thread
    in this order. Messages without `sent` come last, in order of receipt.
    """
    sent = message.get("sent")
    if not isinstance(sent, str):
        return ulids.UNDATED + instants.to_nanoseconds(received) // instants.MILLISECOND
    low = instants.parse(sent, zone).low // instants.MILLISECOND
    return max(0, min(low, _LATEST_DATED))


def day_of(at: datetime, zone: tzinfo) -> str:
    """Return the local date of an instant."""
    return instants.local_time(at, zone).date().isoformat()


def day_bounds(day: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first instant of a local day and that of the next."""
    first, after = (instants.from_nanoseconds(bound) for bound in instants.parse(day, zone))
    return first, after


def day_key_range(day: str, zone: tzinfo) -> tuple[str, str]:
    """Return the sort keys between which a local day's messages stand in their threads."""
    first, after = (
        instants.to_nanoseconds(bound) // instants.MILLISECOND for bound in day_bounds(day, zone)
    )
    return f"{MESSAGE.prefix}{ulids.prefix(first)}", f"{MESSAGE.prefix}{ulids.prefix(after - 1)}~"
