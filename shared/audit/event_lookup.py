"""Read audit events by id. An id contains the time at which its event was made."""

from collections.abc import Iterable, Iterator
from itertools import batched, groupby

from shared.audit import archive_reads, archive_rows, entries, journal, segments
from shared.audit.entries import Entry
from shared.catalog import access_patterns as patterns
from shared.fhir import instants, ulids
from shared.fhir.instants import MILLISECOND
from shared.store import audit_items, dynamodb, items, keys, reading


def json_by_id(tenant: str, ids: Iterable[str]) -> dict[str, bytes]:
    """Return events as the JSON of AuditEvents, by id. What does not exist is left out."""
    wanted = dict.fromkeys(filter(ulids.PATTERN.fullmatch, ids))
    rows = reading.items_at(audit_items.event_address(tenant, event_id) for event_id in wanted)
    of_writes = [
        entries.entry(tenant, items.partition_without_tenant(row), audit_items.event_of(row))
        for row in rows.values()
    ]
    entries_by_id = {entry.id: entry for entry in of_writes}
    left_ids = [event_id for event_id in wanted if event_id not in entries_by_id]
    for entry in (*_new_of(tenant, left_ids), *_archived_of(tenant, left_ids)):
        entries_by_id.setdefault(entry.id, entry)
    return {
        event_id: entries.audit_event_json(entries_by_id[event_id])
        for event_id in wanted
        if event_id in entries_by_id
    }


def _new_of(tenant: str, ids: list[str]) -> Iterator[Entry]:
    since, wanted = journal.unindexed_since(), frozenset(ids)
    if any(_at(event_id) >= since for event_id in ids):
        yield from (entry for entry in journal.new_entries(tenant, since) if entry.id in wanted)


def _archived_of(tenant: str, ids: list[str]) -> Iterator[Entry]:
    """Yield events from the members of the archive that contain the time of an id."""
    for hour, hour_ids in groupby(sorted(ids), key=lambda own_id: segments.hour_of(_at(own_id))):
        wanted = {event_id: _at(event_id) for event_id in hour_ids}
        rows = dynamodb.query_all(
            patterns.AUDIT, keys.partition(patterns.SEGMENTS, tenant), keys.beginning_with(hour)
        )
        members = [member for row in rows for member in archive_rows.members(row)]
        places = [
            member.place
            for member in members
            if any(member.first <= at <= member.last for at in wanted.values())
        ]
        for chunk in batched(places, archive_reads.MOST_PLACES, strict=False):
            yield from (entry for entry in archive_reads.members(chunk) if entry.id in wanted)


def _at(event_id: str) -> str:
    moment = instants.from_nanoseconds(ulids.milliseconds(event_id) * MILLISECOND)
    return instants.to_text(moment)
