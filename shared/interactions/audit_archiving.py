"""The audit trail: how events come into it, from log lines and from the table's stream."""

from collections.abc import Iterable

import orjson

from shared import fhirjson
from shared.audit import digests, entries, journal, postings, segments, trail
from shared.audit.entries import Entry
from shared.settings import ARCHIVE, settings
from shared.store import archive, auditing, items
from shared.store.items import Item


def keep(lines: Iterable[str]) -> int:
    """Store as new events what log lines say of requests that wrote none; again changes nothing.

    Return how many. Raises Transient.
    """
    told = [entry for line in lines if (entry := _of_line(line))]
    auditing.keep(journal.rows(told, is_listed=settings().audit_reads != ARCHIVE))
    return len(told)


def _of_line(line: str) -> Entry | None:
    """Return the event of a line; what the line says itself, the event does not say again."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None  # the platform's own lines may be text
    audit = said.get("audit") if isinstance(said, dict) else None
    if not audit:
        return None
    of_line = {name: said[name] for name in trail.OF_LINE if said.get(name)}
    event = fhirjson.canonical(of_line | audit["event"])
    return entries.entry(audit["tenant"], audit["id"], event)


def index(rows: Iterable[Item]) -> int:
    """Bring events on: those of writes to the new ones, new ones into the archive and its index.

    Rows are as the table's stream has them; the same ones again change nothing. Return how many
    events. Raises Transient.
    """
    known = list(rows)
    of_writes = [_of_write(row) for row in known if "event" in row]
    auditing.keep(journal.rows(of_writes))
    new = [(entry, journal.is_listed(row)) for row in known for entry in _new(row)]
    for is_listed in (True, False):
        of_kind = [entry for entry, listed in new if listed is is_listed]
        _archive(of_kind, is_listed=is_listed)
    return len(of_writes) + len(new)


def _of_write(row: Item) -> Entry:
    tenant, _, event_id = items.text(row, "pk").partition("#")
    return entries.entry(tenant, event_id, auditing.event_of(row))


def _new(row: Item) -> list[Entry]:
    return journal.read(row) if "events" in row else []


def _archive(events: Iterable[Entry], *, is_listed: bool) -> None:
    """Store events in the archive, and in its index those that searches find."""
    for segment in segments.built(events):
        archive.put(segment.key, segment.body)
        if found := digests.written(segment):
            archive.put(segments.object_key(segment.day, segment.name, digests.PREFIX), found)
        if is_listed:
            auditing.keep(postings.rows(segment))
