"""Entries: audit events as lines of JSON, in rows of new events and in the archive.

A line is `{"id": ..., "tenant": ..., "event": ...}`. The event of a write has the very bytes that
were hashed for its chain.
"""

from collections.abc import Iterable, Iterator
from math import inf
from typing import Any, NamedTuple

import orjson

from shared.audit.fhir_audit_events import audit_event
from shared.fhir import fhirjson

type Resource = dict[str, Any]


class Entry(NamedTuple):
    """An event: its tenant, id and instant, and its line."""

    tenant: str
    id: str
    at: str
    line: bytes

    @property
    def position(self) -> str:
        """The position among other events: by instant, then by id."""
        return f"{self.at}#{self.id}"

    @property
    def resource(self) -> Resource:
        """The event as an AuditEvent."""
        return audit_event(self.id, orjson.loads(self.line)["event"])


def entry(tenant: str, event_id: str, event: bytes) -> Entry:
    """Return the entry of an event, which is given as canonical JSON."""
    line = b'{"id":"%s","tenant":%s,"event":%s}' % (event_id.encode(), orjson.dumps(tenant), event)
    return Entry(tenant, event_id, orjson.loads(event)["at"], line)


def parse(lines: bytes) -> list[Entry]:
    """Return the entries in lines."""
    return [_entry(line) for line in lines.splitlines()]


def _entry(line: bytes) -> Entry:
    content = orjson.loads(line)
    return Entry(content["tenant"], content["id"], content["event"]["at"], line)


def joined_lines(entries: Iterable[Entry]) -> bytes:
    """Return the lines of entries, each with its newline."""
    return b"".join(entry.line + b"\n" for entry in entries)


def chunks(
    entries: Iterable[Entry], most_bytes: int, most_events: float = inf
) -> Iterator[list[Entry]]:
    """Yield entries in lists of at most so many bytes and events, or of a single larger event."""
    chunk: list[Entry] = []
    size = 0
    for entry in entries:
        if chunk and (len(chunk) == most_events or size + len(entry.line) > most_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += len(entry.line)
    if chunk:
        yield chunk


def sorted_unique(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries by tenant and position, each once."""
    unique = {(entry.tenant, entry.id): entry for entry in entries}
    return sorted(unique.values(), key=lambda entry: (entry.tenant, entry.position))


def audit_event_json(entry: Entry) -> bytes:
    """Return an event as the JSON of an AuditEvent."""
    return fhirjson.dumps(entry.resource)
