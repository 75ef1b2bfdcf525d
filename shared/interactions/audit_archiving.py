"""The audit trail: how events come into it, from log lines and from the table's stream."""

from collections import defaultdict
from collections.abc import Iterable

import orjson

from shared import fhirjson, instants, metrics
from shared.audit import digests, entries, events, finding, journal, postings, segments, trail
from shared.audit.entries import Entry
from shared.settings import ARCHIVE, settings
from shared.store import archive, auditing, items
from shared.store.items import Item
from shared.store.keys import Address


def keep(lines: Iterable[str]) -> int:
    """Store as new events what log lines say of requests that wrote none; again changes nothing.

    Return how many. What cannot be read or stored is counted, and does not keep the others from
    being stored. Raises Transient.
    """
    known: dict[str, finding.Found] = defaultdict(dict)
    told = [entry for line in lines for entry in _of_line(line, known)]
    refused = _stored(journal.rows(told, is_listed=settings().audit_reads != ARCHIVE))
    return len(told) - refused


def _stored(rows: Iterable[tuple[Address, Item]]) -> int:
    """Put rows; count, and return how many, DynamoDB does not take."""
    refused = auditing.keep(rows)
    if refused:
        metrics.note(metrics.UNAUDITED, refused)
    return refused


def _of_line(line: str, known: dict[str, finding.Found]) -> list[Entry]:
    """Return the events of a line, none of a line of another kind.

    What the line says itself, the event does not say again.
    """
    try:
        said = orjson.loads(line)
        audit = said.get("audit") if isinstance(said, dict) else None
        if not audit:
            return []
        tenant, event_id = audit["tenant"], audit["id"]
        of_line = {name: said[name] for name in trail.OF_LINE if said.get(name)}
        event = finding.whole(tenant, of_line | audit["event"], known[tenant])
        instants.read(event["at"])
    except (ValueError, KeyError, TypeError, AttributeError):
        # The platform's own lines may be text; a line of ours that was cut off is not whole JSON.
        if line.lstrip()[:1] == "{":
            metrics.note(metrics.UNAUDITED)
        return []
    parts = events.split(event_id, event)
    return [entries.entry(tenant, part_id, fhirjson.canonical(part)) for part_id, part in parts]


def index(rows: Iterable[Item]) -> int:
    """Bring events on: those of writes to the new ones, new ones into the archive and its index.

    Rows are as the table's stream has them; the same ones again change nothing. Return how many
    events. Raises Transient.
    """
    known = list(rows)
    of_writes = [_of_write(row) for row in known if "event" in row]
    _stored(journal.rows(of_writes))
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


def _archive(new: Iterable[Entry], *, is_listed: bool) -> None:
    """Store events in the archive, and in its index those that searches find."""
    for segment in segments.built(new):
        archive.put(segment.key, segment.body)
        if found := digests.written(segment):
            archive.put(segments.object_key(segment.day, segment.name, digests.PREFIX), found)
        if is_listed:
            _stored(postings.rows(segment))
