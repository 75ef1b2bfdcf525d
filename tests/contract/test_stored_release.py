"""The items of the previous release, as the fixture has them, are of all kinds."""

import json
import re
from typing import Any

import pytest

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import AccessPattern
from tests.tools.releases import FIXTURE

TABLES = json.loads(FIXTURE.read_text())["tables"]
# Patterns of short-lived items, and of later releases.
NOT_THERE = {patterns.PENDING, patterns.REINDEXING} | {
    patterns.NEW_EVENTS,
    patterns.POSTINGS,
    patterns.SEGMENTS,
    patterns.QUOTA,
    patterns.HELD,
    patterns.REGISTRATION,
    patterns.HEALTH,
    patterns.SUBSCRIBED,
    patterns.SUBSCRIBED_BY,
    patterns.ANY_SUBSCRIPTION,
    patterns.ATTEMPT,
    patterns.CARRIED,
    patterns.FIRST_SENT,
}


def is_kind(pattern: AccessPattern, table: str, item: dict[str, Any]) -> bool:
    """Return whether an item has the keys of a pattern."""
    in_tenant = pattern.partition.partition("#")[0] not in patterns.RESERVED
    partition = ("{tenant}#" if in_tenant else "") + pattern.partition
    keys = ((partition, item["pk"]["S"]), (pattern.sort, item["sk"]["S"]))
    return pattern.table == table and all(
        re.fullmatch(re.sub(r"\\{\w+\\}", ".+", re.escape(template)), key) for template, key in keys
    )


@pytest.mark.parametrize("pattern", patterns.ACCESS_PATTERNS, ids=lambda each: each.partition)
def test_the_fixture_has_each_kind_of_item(pattern: AccessPattern) -> None:
    items = TABLES[pattern.table]
    assert any(is_kind(pattern, pattern.table, item) for item in items) == (
        pattern not in NOT_THERE
    )
