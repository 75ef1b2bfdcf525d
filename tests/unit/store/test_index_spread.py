"""The creates a second that the partitions of listings take: each has 1,000 write units.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

import json
from collections import Counter
from datetime import UTC
from math import ceil
from typing import Any

import pytest

from shared.catalog.parameters import SPREAD
from shared.fhir import ulids
from shared.store.index.rows import row_keys
from shared.store.operations import row_content
from tests.benchmarks.practice import typical
from tests.support.memory_reads import size

CREATES, LARGEST = 1000, 1000
NOW = 1_795_000_000_000
WRITTEN = "2026-11-21T10:00:00.000Z"


def created(name: str, header: str) -> dict[str, Any]:
    own_id = ulids.new(NOW)
    meta = {"versionId": "1", "lastUpdated": WRITTEN}
    known = {"id": f"{header}.{own_id}" if name == "message" else own_id, "meta": meta}
    resource: dict[str, Any] = typical(name, header) | known
    return resource


def units(resource: dict[str, Any]) -> Counter[str]:
    """Return the write units of a transaction in each partition: two for each KB of a row."""
    keys = row_keys(resource, WRITTEN, zone=UTC)
    copy = row_content(json.dumps(resource).encode(), keys)
    return Counter(
        {pk: 2 * ceil(size(copy | {"pk": {"S": pk}, "sk": {"S": sk}}) / 1024) for pk, sk in keys}
    )


@pytest.mark.parametrize("name", ["session", "header", "message"])
def test_the_partitions_of_every_listing_take_a_thousand_creates_a_second(name: str) -> None:
    header, seen = ulids.new(NOW), Counter[str]()
    for _ in range(CREATES):
        seen += units(created(name, header))
    spread = {pk: number for pk, number in seen.items() if pk.endswith(f"/{SPREAD}")}
    listings = {pk.rpartition("#")[0] for pk in spread}
    assert len(spread) == SPREAD * len(listings) > 0
    assert max(spread.values()) <= 0.6 * LARGEST
    # Half as many partitions would be at their limit: four leave as much in reserve.
    halves = Counter[str]()
    for pk, number in spread.items():
        halves[pk.rpartition("#")[0] + str(int(pk[-3]) % 2)] += number
    assert max(halves.values()) > 0.95 * LARGEST
