"""Local days: the date of an instant, and where the messages of a day stand in their threads.

A day begins with the first instant of its date, as does a `sent` that is only a date (see `times`).
"""

from datetime import datetime, tzinfo

from shared.fhir import instants, ulids


def day_of(at: datetime, zone: tzinfo) -> str:
    """Return the local date of an instant."""
    return instants.local_time(at, zone).date().isoformat()


def bounds(day: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first instant of a local day and that of the next."""
    first, after = (instants.from_nanoseconds(bound) for bound in instants.parse(day, zone))
    return first, after


def key_range(day: str, zone: tzinfo) -> tuple[str, str]:
    """Return the sort keys between which a local day's messages stand in their threads."""
    first, after = (
        instants.to_nanoseconds(bound) // instants.MILLISECOND for bound in bounds(day, zone)
    )
    return f"m#{ulids.prefix(first)}", f"m#{ulids.prefix(after - 1)}~"
