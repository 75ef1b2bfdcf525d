"""When a message counts and where in its thread it stands."""

from datetime import datetime, tzinfo
from typing import Any

from shared import instants, ulids

_LATEST_DATED = ulids.UNDATED - 1
_HOUR = 3600 * instants.SECOND
# What a clock shows that was never set, also where its zone is not that of 1970's own midnight.
_UNSET = "1970-01-01"
_SET_FROM = instants.parse(_UNSET).high


def at(
    message: dict[str, Any],
    received: datetime,
    zone: tzinfo,
    *,
    tolerance_hours: int | None = None,
    is_created: bool = False,
) -> str:
    """Return the instant at which a message counts: the earlier of `sent` and its receipt.

    `tolerance_hours` is for how long before the receipt `sent` is believed, None for ever. Who is
    believed for ever, and creates the message, may say in `received` when it was received.
    A time of only a date is the start of that local day, one of a month or year is no time.
    """
    now = instants.nanoseconds(received)
    told = _told(message.get("sent"), zone)
    if told is None and is_created and tolerance_hours is None:
        told = _told(message.get("received"), zone)
    if told is None or told >= now:
        return instants.written(received)
    if tolerance_hours is not None:
        told = max(told, now - tolerance_hours * _HOUR)
    return instants.written(instants.from_nanoseconds(told))


def _told(text: object, zone: tzinfo) -> int | None:
    """Return the instant that a dateTime says; None without a day, or of a clock never set."""
    if not isinstance(text, str) or not instants.has_day(text) or text[: len(_UNSET)] <= _UNSET:
        return None
    low = instants.parse(text, zone).low
    return None if "T" in text and low < _SET_FROM else low


def order(message: dict[str, Any], received: datetime, zone: tzinfo) -> int:
    """Return a message's place in its thread, as a ULID's milliseconds; without `sent` it is last.

    It is that of `sent` as it is written, whatever the message counts at: searches by `sent` read
    a thread in this order.
    """
    sent = message.get("sent")
    if not isinstance(sent, str):
        return ulids.UNDATED + instants.nanoseconds(received) // instants.MILLISECOND
    low = instants.parse(sent, zone).low // instants.MILLISECOND
    return max(0, min(low, _LATEST_DATED))
