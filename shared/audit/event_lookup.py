"""Reading events by their ids, which say when each was made."""

from collections.abc import Iterable, Iterator
from itertools import batched, groupby

from shared.audit import archive_index, archive_reads, entries, journal, segments
from shared.audit.entries import Entry
from shared.catalog import access_patterns as patterns
from shared.fhir import instants, ulids
from shared.fhir.instants import MILLISECOND
from shared.store import audit_items, dynamodb, items
from shared.store.keys import AFTER_ALL

_MOST_AT_ONCE = 200


def resources(tenant: str, ids: Iterable[str]) -> dict[str, bytes]:
    """Read events, each as the JSON of an AuditEvent; what is not there is left out."""
    wanted = dict.fromkeys(filter(ulids.PATTERN.fullmatch, ids))
    addresses = [audit_items.event_address(tenant, event_id) for event_id in wanted]
    rows = dynamodb.batch_get(patterns.AUDIT, [(one.pk, one.sk) for one in addresses])
    of_writes = [
        entries.entry(tenant, items.partition(row), audit_items.event_of(row)) for row in rows
    ]
    found = {entry.id: entry for entry in of_writes}
    left = [one for one in wanted if one not in found]
    for entry in (*_new_of(tenant, left), *_archived_of(tenant, left)):
        found.setdefault(entry.id, entry)
    return {one: entries.audit_event_json(found[one]) for one in wanted if one in found}


def _new_of(tenant: str, ids: list[str]) -> Iterator[Entry]:
    since, wanted = journal.new_since(), frozenset(ids)
    if any(_at(one) >= since for one in ids):
        yield from (entry for entry in journal.new_entries(tenant, since) if entry.id in wanted)


def _archived_of(tenant: str, ids: list[str]) -> Iterator[Entry]:
    """Read events from the members that were made at their time: an id says when it was made."""
    for hour, some in groupby(sorted(ids), key=lambda one: segments.hour_of(_at(one))):
        wanted = {one: _at(one) for one in some}
        rows = dynamodb.query_all(
            patterns.AUDIT, archive_index.segments_partition(tenant), (hour, hour + AFTER_ALL)
        )
        members = [member for row in rows for member in archive_index.members(row)]
        places = [
            member.place
            for member in members
            if any(member.first <= at <= member.last for at in wanted.values())
        ]
        for some_places in batched(places, _MOST_AT_ONCE, strict=False):
            yield from (one for one in archive_reads.members(some_places) if one.id in wanted)


def _at(event_id: str) -> str:
    moment = instants.from_nanoseconds(ulids.milliseconds(event_id) * MILLISECOND)
    return instants.written(moment)
