"""Random searches for the directory and the records, compared with R4's own expressions.

For more of both: `SEARCH_ORACLE=5000x5000 uv run pytest tests/oracle`.
"""

import os
from collections.abc import Callable
from typing import Any

from tests.oracle.asking_any import AnyAsker
from tests.oracle.checking import check, reading
from tests.oracle.storing import fill_any

SEED = "20261122"
SIZE, QUERIES = (int(one) for one in os.environ.get("SEARCH_ORACLE", "1500x900").split("x"))
EVERY_WAY = [
    *(f"modifier {one}" for one in ("exact", "contains", "not", "text", "of-type", "identifier")),
    *("modifier :Type", "several values", "chain", "_has", "_include", "_revinclude"),
    *("_include:iterate", "_revinclude:iterate", "by _offset", "back again", "with a total"),
]


def test_every_search_agrees_with_a_plain_matcher_and_the_requested_order(
    record_property: Callable[[str, Any], None],
) -> None:
    with reading() as memory:
        asker = AnyAsker(SEED, fill_any(memory, SEED, SIZE))
        number = len(asker.left) + QUERIES
        for _ in range(number):
            check(asker, asker.everything)
    used = asker.used
    record_property("followed", dict(used))
    assert used["queries that match"] >= 0.6 * number
    assert [way for way in EVERY_WAY if not used[way]] == []
