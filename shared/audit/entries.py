"""Events as they are kept together: a line of JSON for each.

A line is `{"id": ..., "tenant": ..., "event": ...}`, the event in the very bytes that were hashed
where it is of a write. The same lines are in the table's rows of new events and in the archive.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from shared.audit.resources import audit_event
from shared.fhir import fhirjson

type Resource = dict[str, Any]


class Entry(NamedTuple):
    """An event: whose, its id, the instant, and its line."""

    tenant: str
    id: str
    at: str
    line: bytes

    @property
    def place(self) -> str:
        """The place among other events: by the instant, then by the id."""
        return f"{self.at}#{self.id}"

    @property
    def resource(self) -> Resource:
        """The event as an AuditEvent."""
        return audit_event(self.id, orjson.loads(self.line)["event"])


def entry(tenant: str, event_id: str, event: bytes) -> Entry:
    """Return the entry of an event, which is canonical JSON."""
    line = b'{"id":"%s","tenant":%s,"event":%s}' % (event_id.encode(), orjson.dumps(tenant), event)
    return Entry(tenant, event_id, orjson.loads(event)["at"], line)


def read(lines: bytes) -> list[Entry]:
    """Return the entries of lines."""
    return [_entry(line) for line in lines.splitlines()]


def _entry(line: bytes) -> Entry:
    content = orjson.loads(line)
    return Entry(content["tenant"], content["id"], content["event"]["at"], line)


def joined_lines(entries: Iterable[Entry]) -> bytes:
    """Return the lines of entries."""
    return b"".join(entry.line + b"\n" for entry in entries)


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries tenant by tenant in the order of their instants, each once."""
    unique = {(entry.tenant, entry.id): entry for entry in entries}
    return sorted(unique.values(), key=lambda entry: (entry.tenant, entry.place))


def audit_event_json(entry: Entry) -> bytes:
    """Return an event as the JSON of an AuditEvent."""
    return fhirjson.dumps(entry.resource)
