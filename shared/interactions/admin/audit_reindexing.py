"""Reindexing the audit trail: the index rows of an object of its archive, as they are made now."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta

import orjson

from shared.audit import archive_index, segments
from shared.audit.segments import Segment
from shared.fhir import instants
from shared.settings import ARCHIVE, settings
from shared.store import archive, audit_items, reading

CHECKED, REPAIRED = "checked audit rows", "repaired audit rows"
_DAY = len("2026-11-16")


def reindex(keys: Iterable[str], has_time: Callable[[], bool]) -> tuple[int, Counter[str]]:
    """Write what is missing or wrong of the index rows of segments, as long as there is time.

    Return how many segments are done. Raises Transient.
    """
    counts: Counter[str] = Counter({CHECKED: 0, REPAIRED: 0})
    done = 0
    for key in keys:
        if not has_time():
            break
        if _is_indexed(key):
            _mend(segments.parse(key, archive.get_whole(key)), counts)
        done += 1
    return done, counts


def _is_indexed(key: str) -> bool:
    """Return whether searches may still find events of a segment's day."""
    day = key.partition("date=")[2][:_DAY]
    days = timedelta(days=settings().audit_index_days + 1)
    return instants.from_text(f"{day}T00:00:00.000Z") + days > instants.now()


def _mend(segment: Segment, counts: Counter[str]) -> None:
    if not _is_listed(segment):
        return
    now = instants.to_nanoseconds(instants.now()) // instants.SECOND
    wanted = {
        address: item
        for address, item in archive_index.rows(segment)
        if "expires" not in item or int(item["expires"]["N"]) > now
    }
    stored = reading.items_at(wanted)
    wrong = [
        (address, item)
        for address, item in wanted.items()
        if not stored.get(address, {}).items() >= item.items()
    ]
    counts[CHECKED] += len(wanted)
    counts[REPAIRED] += len(wrong) - audit_items.put_rows(wrong)


def _is_listed(segment: Segment) -> bool:
    """Return whether searches find the events of a segment: not those of reads in it alone."""
    if settings().audit_reads != ARCHIVE:
        return True
    return any(orjson.loads(entry.line)["event"].get("written") for entry, _ in segment.events)
