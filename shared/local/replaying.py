"""Archiving the events that the stream has not brought into the archive.

The records that a stream has lost are known by a shard and sequence numbers, for a day. So the
table is read again and compared with the archive: what is missing there is processed once more.
"""

import gzip
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import orjson

from shared.audit import entries, journal, segments
from shared.audit.entries import Entry
from shared.catalog import access_patterns as patterns
from shared.fhir import instants, ulids
from shared.local import audit_sources, functions
from shared.local.audit_sources import Archive
from shared.local.deployments import Deployment
from shared.local.spooling import Record, Spool, spool
from shared.store.items import Item

# An event is older than its row, which may have waited as log lines do.
_EARLIER, _LATER = timedelta(days=1), timedelta(minutes=5)
EVENTS, NEW_ROWS = "events of writes", "rows of new events"
_EVENT, _NEW, _JOURNALED, _ARCHIVED = "event", "new", "journaled", "archived"


class Window(NamedTuple):
    """A period of events; `since` and `until` are instants, both included."""

    since: str
    until: str


def window_around(first: str, last: str) -> Window:
    """Return the window of events whose rows were written between two instants."""
    earlier, later = instants.from_text(first) - _EARLIER, instants.from_text(last) + _LATER
    return Window(instants.to_text(earlier), instants.to_text(later))


def settled_window() -> Window:
    """Return the window of everything that the stream must have processed by now."""
    return Window("", journal.unindexed_since())


def replay(deployment: Deployment, windows: list[Window], *, dry: bool = False) -> Counter[str]:
    """Process the rows of these windows that the archive lacks; return how many of each kind.

    Repeating it changes nothing. Raises UnexpectedResponse.
    """
    counts = Counter({EVENTS: 0, NEW_ROWS: 0})
    if not windows:
        return counts
    names, database = deployment.physical_ids(), deployment.client("dynamodb")
    table, archive = names[patterns.AUDIT], Archive(deployment.client("s3"), names["AuditArchive"])
    with spool() as events:
        days = _note_table(events, audit_sources.scan_pages(database, table), windows)
        _note_archive(events, archive, windows, days)
        rows = _rows(database, table, _missing(events), counts)
        for batch in functions.stream_events(rows):
            if not dry:
                functions.call(deployment.client("lambda"), names["AuditIndexFunction"], batch)
    return counts


def _note_table(events: Spool, pages: Iterator[list[Item]], windows: list[Window]) -> set[str]:
    """Note the events in the table; return the days of those in rows of new events."""
    days = set()
    for item in (item for page in pages for item in page):
        pk, sk = item["pk"]["S"], item["sk"]["S"]
        if sk == patterns.EVENT.sort:
            tenant, _, event_id = pk.partition("#")
            if _is_in(windows, _at(event_id)):
                events.add((tenant, event_id), [_EVENT, pk, sk])
        elif "events" in item and _is_in(windows, sk.split("#")[1]):
            new = journal.row_entries(item)
            days |= {event.at[:10] for event in new}
            _note_new(events, new, (pk, sk))
    return days


def _note_new(events: Spool, new: list[Entry], key: tuple[str, str]) -> None:
    """Note a row of new events: it is archived when the first and the last of them are."""
    for event in (new[0], new[-1]):
        events.add((event.tenant, event.id), [_NEW, *key])
    for event in new:
        if orjson.loads(event.line)["event"].get("written"):
            events.add((event.tenant, event.id), [_JOURNALED])


def _note_archive(events: Spool, archive: Archive, windows: list[Window], days: set[str]) -> None:
    """Note the events that the archive has: of writes by their digests, others of these days."""
    since, until = min(window.since for window in windows), max(window.until for window in windows)
    for digest in archive.digests(since, until):
        events.add((digest.tenant, digest.id), [_ARCHIVED])
    for day in days:
        for key in archive.keys(segments.EVENTS_PREFIX, day, day):
            for event in entries.parse(gzip.decompress(archive.read(key))):
                events.add((event.tenant, event.id), [_ARCHIVED])


def _missing(events: Spool) -> Iterator[tuple[str, str]]:
    """Yield the keys of the rows whose events the archive lacks, each once."""
    yielded = set[tuple[str, str]]()
    for part in events.parts():
        records = [*part]
        archived = _ids(records, _ARCHIVED)
        journaled = _ids(records, _JOURNALED)
        for tenant, event_id, kind, *key in records:
            done = archived if kind == _NEW else archived | journaled
            if key and (tenant, event_id) not in done and (row := (key[0], key[1])) not in yielded:
                yielded.add(row)
                yield row


def _ids(records: list[Record], kind: str) -> set[tuple[str, str]]:
    return {(tenant, event_id) for tenant, event_id, own, *_ in records if own == kind}


def _rows(
    database: Any, table: str, keys: Iterable[tuple[str, str]], counts: Counter[str]
) -> Iterator[Item]:
    """Read rows and count them by kind; those that have expired meanwhile are left out."""
    for pk, sk in keys:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        answer = database.get_item(TableName=table, Key=key, ConsistentRead=True)
        if row := answer.get("Item"):
            counts[EVENTS if sk == patterns.EVENT.sort else NEW_ROWS] += 1
            yield row


def _is_in(windows: list[Window], at: str) -> bool:
    return any(window.since <= at <= window.until for window in windows)


def _at(event_id: str) -> str:
    """Return the instant of an event, which its id contains."""
    milliseconds = ulids.milliseconds(event_id)
    return instants.to_text(instants.from_nanoseconds(milliseconds * instants.MILLISECOND))
