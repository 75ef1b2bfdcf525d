"""Storing audit events: those of reads come from log lines, those of writes from a stream."""

from collections import defaultdict
from collections.abc import Iterable

import orjson

from shared import metrics
from shared.audit import (
    archive_index,
    digests,
    entries,
    events,
    indirect_patients,
    journal,
    segments,
    trail,
)
from shared.audit.entries import Entry
from shared.events import handover
from shared.fhir import fhirjson, instants
from shared.settings import ARCHIVE, settings
from shared.store import archive, audit_items, change_queue, items
from shared.store.items import Item
from shared.store.keys import Address


def store_logged_events(lines: Iterable[str]) -> int:
    """Store the audit events that log lines carry: those of requests that wrote nothing.

    Return how many were stored. The same lines again change nothing. Events that cannot be read or
    stored are counted in a metric, and do not keep others from being stored. Raises Transient.
    """
    patients: dict[str, indirect_patients.PatientsByReference] = defaultdict(dict)
    logged = [entry for line in lines for entry in _of_line(line, patients)]
    refused = _put(journal.rows(logged, is_listed=settings().audit_reads != ARCHIVE))
    return len(logged) - refused


def _put(rows: Iterable[tuple[Address, Item]]) -> int:
    """Put rows. Count in a metric how many DynamoDB refuses, and return that number."""
    refused = audit_items.put_rows(rows)
    if refused:
        metrics.record(metrics.UNAUDITED, refused)
    return refused


def _of_line(line: str, patients: dict[str, indirect_patients.PatientsByReference]) -> list[Entry]:
    """Return the audit events of a log line, none if it is another kind of line.

    Fields that the line has anyway are not repeated in its event, and are taken from the line.
    `patients` caches by tenant what is looked up to complete events.
    """
    try:
        fields = orjson.loads(line)
        audit = fields.get("audit") if isinstance(fields, dict) else None
        if not audit:
            return []
        tenant, event_id = audit["tenant"], audit["id"]
        of_line = {name: fields[name] for name in trail.IN_LOG_LINE if fields.get(name)}
        event = indirect_patients.with_all_patients(
            tenant, of_line | audit["event"], patients[tenant]
        )
        instants.from_text(event["at"])
    except (ValueError, KeyError, TypeError, AttributeError):
        # A truncated line of ours is incomplete JSON. Other text comes from the platform.
        if line.lstrip()[:1] == "{":
            metrics.record(metrics.UNAUDITED)
        return []
    parts = events.split_by_patients(event_id, event)
    return [entries.entry(tenant, part_id, fhirjson.canonical(part)) for part_id, part in parts]


def process_stream_rows(rows: Iterable[Item]) -> int:
    """Move events on: those of writes into the journal, those of the journal into the archive.

    Rows are as the table's stream has them. The same rows again change nothing, but what the writes
    did is handed over to the queues of events again. Return the number of events. Raises Transient.
    """
    stream_rows = list(rows)
    of_writes = [_of_write(row) for row in stream_rows if "event" in row]
    # First, because a write whose event is in the journal is not replayed by `redrive`.
    if of_writes:
        handover.send(of_writes, _targets())
    _put(journal.rows(of_writes))
    new = [
        (entry, journal.is_listed(row))
        for row in stream_rows
        if "events" in row
        for entry in journal.row_entries(row)
    ]
    for is_listed in (True, False):
        of_kind = [entry for entry, listed in new if listed is is_listed]
        _archive(of_kind, is_listed=is_listed)
    return len(of_writes) + len(new)


def _targets() -> list[str]:
    """Return the URLs of the queues that learn what writes did."""
    channel_changes = filter(None, [settings().channel_change_queue_url])
    return [*settings().event_queue_urls, *change_queue.urls(), *channel_changes]


def _of_write(row: Item) -> Entry:
    tenant, _, event_id = items.text(row, "pk").partition("#")
    return entries.entry(tenant, event_id, audit_items.event_of(row))


def _archive(new: Iterable[Entry], *, is_listed: bool) -> None:
    """Store events in the archive and, if searches are to find them, in its index."""
    for segment in segments.build(new):
        archive.put(segment.key, segment.body)
        if digest := digests.serialize(segment):
            archive.put(
                segments.object_key(segment.day, segment.name, digests.DIGESTS_PREFIX), digest
            )
        if is_listed:
            _put(archive_index.rows(segment))
