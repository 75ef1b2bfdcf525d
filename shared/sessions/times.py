"""When a message counts and where in its thread it stands."""

from datetime import datetime, tzinfo
from typing import Any

from shared import instants, ulids

_LATEST_DATED = ulids.UNDATED - 1


def at(message: dict[str, Any], received: datetime, zone: tzinfo) -> str:
    """Give the instant at which a message counts: the earlier of `sent` and its receipt.

    A `sent` of only a date is the start of that local day, one of a month or year is no time.
    """
    sent = message.get("sent")
    if not isinstance(sent, str) or not instants.has_day(sent):
        return instants.written(received)
    low = instants.parse(sent, zone).low
    if low >= instants.nanoseconds(received):
        return instants.written(received)
    return instants.written(instants.from_nanoseconds(low))


def order(message: dict[str, Any], received: datetime, zone: tzinfo) -> int:
    """Give a message's place in its thread, as a ULID's milliseconds; without `sent` it is last."""
    sent = message.get("sent")
    if not isinstance(sent, str):
        return ulids.UNDATED + instants.nanoseconds(received) // instants.MILLISECOND
    low = instants.parse(sent, zone).low // instants.MILLISECOND
    return max(0, min(low, _LATEST_DATED))
