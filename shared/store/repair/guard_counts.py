"""Find guards of identifiers that are missing or count wrongly, and repair them.

The index rows must be right already, because they say which resources have an identifier.
"""

from collections.abc import Iterator
from urllib.parse import unquote
from uuid import uuid4

from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SEARCH_PARAMS
from shared.fhir import fhirjson
from shared.fhir.search_values import Token
from shared.store import codec, dynamodb, guards, items, keys, reading
from shared.store.index import partitions
from shared.store.items import Item
from shared.store.keys import Address
from shared.store.operations import Operation, delete, put
from shared.store.records import VersionedRecord


def missing_guards(record: VersionedRecord, tenant: str) -> list[Address]:
    """Return the addresses of guards that a record's identifiers should have and do not."""
    identifiers = guards.record_identifiers(record)
    wanted = [keys.guard(tenant, record.type, *identifier) for identifier in identifiers]
    existing = reading.items_at(wanted)
    return [address for address in wanted if address not in existing]


def count_correction(address: Address) -> list[Operation]:
    """Return the transaction that corrects a guard's count; empty if it is right.

    If somebody adds or removes the identifier meanwhile, the guard changes and the condition fails.
    """
    guard = dynamodb.get(address) or {}
    count, counted = len(set(_holders(address))), items.number(guard, "count")
    condition, values = guards.unchanged_guard(items.text(guard, "last"))
    if count == counted and guard:
        return []
    if count:
        content = {"last": {"S": uuid4().hex}, "count": {"N": str(count)}}
        return [put(address, content, condition, **values)]
    # A value that is keyed by its hash may have rows under another key, so its guard stays.
    is_known = not address.pk.rpartition("|")[2].startswith(patterns.HASH_PREFIX)
    return [delete(address, condition, **values)] if guard and is_known else []


def _holders(address: Address) -> Iterator[str]:
    """Yield the ids of the resources that have a guard's identifier."""
    tenant, _, name = address.pk.partition("#")
    resource_type, _, identifier = name.partition("!")
    value = identifier.rpartition("|")[2]
    for row in dynamodb.query_all(
        patterns.SEARCH, _partition(tenant, resource_type, value), keys.FULL_RANGE
    ):
        identifiers = _identified(tenant, resource_type, row)
        if address in {keys.guard(tenant, resource_type, *pair) for pair in identifiers}:
            yield row["sk"]["S"].rpartition("#")[2]


def _partition(tenant: str, resource_type: str, value: str) -> str:
    if value.startswith(patterns.HASH_PREFIX):
        parts = {"type": resource_type, "parameter": "identifier", "value": value}
        return keys.partition(patterns.ROW, tenant, **parts)
    param = SEARCH_PARAMS.of(resource_type)["identifier"]
    key = partitions.value_key(param, Token("", unquote(value)))
    return partitions.of_value(tenant, param, key)[0]


def _identified(tenant: str, resource_type: str, row: Item) -> set[guards.Identifier]:
    if "resource" in row:
        json = codec.unpack(bytes(row["resource"]["B"]))[0]
        return guards.resource_identifiers(fhirjson.loads(json))
    resource_id = row["sk"]["S"].rpartition("#")[2]
    return guards.record_identifiers(reading.current(tenant, resource_type, resource_id))
