"""The audit trail: how events come into it, and how those who oversee see it.

https://hl7.org/fhir/R4/auditevent.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from shared import fhirjson, instants
from shared.access import Actor
from shared.audit import indexing
from shared.catalog.interactions import AUDIT_EVENT
from shared.errors import Invalid, NotFound
from shared.interactions.search import search as search_type
from shared.resources import subsets
from shared.search import Result
from shared.store import auditing


def read(actor: Actor, event_id: str) -> bytes:
    """Give an event as an AuditEvent's JSON. Raises NotFound."""
    found = indexing.resources(actor.tenant, [event_id])
    if event_id not in found:
        raise NotFound(f"{AUDIT_EVENT}/{event_id} does not exist")
    return found[event_id]


def search(actor: Actor, query: list[tuple[str, str]], *, lenient: bool) -> Result:
    """Give a page of the events that match. Raises Invalid and TooCostly."""
    for name, value in query:
        if name in subsets.NAMES and value not in ("false", subsets.COUNT):
            raise Invalid(f"{AUDIT_EVENT}s are given whole", expression=name)
    return search_type(actor, AUDIT_EVENT, query, lenient=lenient)


def keep(lines: Iterable[str]) -> int:
    """Make rows of what log lines say of requests that wrote none; again changes nothing.

    Gives how many. Raises Transient.
    """
    told = [audit for line in lines if (audit := _audit(line))]
    auditing.keep(
        (
            auditing.address(one["tenant"], one["id"]),
            auditing.event_item(
                fhirjson.canonical(one["event"]), instants.read(one["event"]["at"])
            ),
        )
        for one in told
    )
    return len(told)


def _audit(line: str) -> dict[str, Any]:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}  # the platform's own lines may be text
    told: dict[str, Any] = said.get("audit", {}) if isinstance(said, dict) else {}
    return told


def index(events: Iterable[Mapping[str, Any]]) -> int:
    """Make the rows by which searches find events, from their rows as DynamoDB's stream has them.

    Gives how many events. Raises Transient.
    """
    found = [dict(row) for row in events]
    auditing.keep(row for item in found for row in indexing.index_rows(item))
    return len(found)
