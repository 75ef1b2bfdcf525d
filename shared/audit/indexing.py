"""Events as searches find them: AuditEvents, and the index rows of each."""

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC

import orjson

from shared import fhirjson, ulids
from shared.audit.resources import audit_event
from shared.catalog import access_patterns as patterns
from shared.index import rows
from shared.store import auditing, dynamodb, items
from shared.store.items import Item
from shared.store.keys import Address
from shared.store.operations import copied


def resources(tenant: str, ids: Iterable[str]) -> dict[str, bytes]:
    """Read many events, each as the JSON of an AuditEvent; what is not there is left out."""
    wanted = dict.fromkeys(filter(ulids.PATTERN.fullmatch, ids))
    addresses = [auditing.address(tenant, event_id) for event_id in wanted]
    found = dynamodb.batch_get(patterns.AUDIT, [(one.pk, one.sk) for one in addresses])
    return {items.partition(item): as_resource(item) for item in found}


def as_resource(item: Item) -> bytes:
    """Give the event of a row as the JSON of an AuditEvent."""
    event = orjson.loads(auditing.event_of(item))
    return fhirjson.dumps(audit_event(items.partition(item), event))


def index_rows(item: Item) -> Iterator[tuple[Address, Item]]:
    """Give the rows by which searches find an event, which expire as its own does."""
    tenant, json = items.text(item, "pk").partition("#")[0], as_resource(item)
    found = orjson.loads(json)
    places = rows.rows(found, found["recorded"], tenant, UTC, most=sys.maxsize)
    copy = copied(json, max(len(pk) + len(sk) for pk, sk in places))
    expiry = {name: item[name] for name in ("expires",) if name in item}
    for pk, sk in places:
        yield Address(patterns.AUDIT, pk, sk), copy | expiry
