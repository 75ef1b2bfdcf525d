"""Due rows, in the order in which open Encounters must be looked at, and held Encounters."""

from collections.abc import Iterator
from typing import NamedTuple

from shared.catalog import access_patterns as patterns
from shared.store import dynamodb, keys


class DueRow(NamedTuple):
    """A due row: an Encounter and when it must be looked at."""

    due: str
    tenant: str
    encounter: str


def due_rows(shard: int, until: str) -> Iterator[DueRow]:
    """Yield the due rows of a shard up to an instant, the earliest first."""
    partition = patterns.DUE.partition.format(shard=shard)
    for item in dynamodb.query_all(patterns.SEARCH, partition, ("!", until + keys.AFTER_ALL)):
        yield DueRow(*item["sk"]["S"].split("#"))


def held_encounters(at: str) -> set[tuple[str, str]]:
    """Return tenant and id of each Encounter that the schedule leaves out at an instant."""
    pattern = patterns.HELD
    rows = dynamodb.query_all(pattern.table, pattern.partition, keys.FULL_RANGE)
    sorts = [row["sk"]["S"] for row in rows if row["until"]["S"] > at]
    return {(tenant, own_id) for tenant, _, own_id in (sort.partition("#") for sort in sorts)}
