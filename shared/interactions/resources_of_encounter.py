"""Reading the records made during an Encounter, from the index rows in its own partition."""

from collections.abc import Iterator
from itertools import groupby

from shared.access.visibility import Visibility
from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson
from shared.store import codec, dynamodb
from shared.store.index import partitions
from shared.store.items import Item
from shared.store.keys import beginning_with
from shared.store.reading import json_by_id

type Located = tuple[str, bytes]


def visible_resources(
    visibility: Visibility,
    encounter_id: str,
    kinds: frozenset[str] | None,
    after: str,
    *,
    page: int,
) -> Iterator[Located]:
    """Yield the records that the caller sees, each with its sort key, type by type.

    Only those after the sort key `after` are read. `kinds` are resource types, None for all. `page`
    is the number of rows that each query reads.
    """
    partition = partitions.of_encounter_records(visibility.tenant, encounter_id)
    prefixes = (
        [patterns.RECORD.prefix] if kinds is None else sorted(map(partitions.record_prefix, kinds))
    )
    for prefix in prefixes:
        between = beginning_with(prefix)
        start = after if after.startswith(prefix) else None
        while after <= between[1]:
            items, start = dynamodb.query(
                patterns.ENCOUNTER, partition, between, limit=page, after=start
            )
            for resource_type, rows in groupby(items, lambda row: row["sk"]["S"].split("#")[1]):
                yield from _visible(visibility, resource_type, list(rows))
            if start is None:
                break


def _visible(visibility: Visibility, resource_type: str, rows: list[Item]) -> Iterator[Located]:
    """Yield the resources of rows that the caller sees; those of partial rows are read whole."""
    partial = [row["sk"]["S"].rpartition("#")[2] for row in rows if "partial" in row]
    whole = json_by_id(resource_type, partial, visibility.tenant) if partial else {}
    for row in rows:
        place = row["sk"]["S"]
        if "partial" in row:
            json = whole.get(place.rpartition("#")[2], b"")
        else:
            json = codec.unpack(bytes(row["resource"]["B"]))[0]
        is_seen = json and visibility.sees_without_reading(resource_type, json)
        if is_seen or (json and visibility.sees(fhirjson.loads(json))):
            yield place, json
