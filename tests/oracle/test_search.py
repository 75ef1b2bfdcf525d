"""Random searches over random resources, compared with a matcher that shares no code with ours.

For more of both: `SEARCH_ORACLE=5000x5000 uv run pytest tests/oracle`.
"""

import os
from collections.abc import Callable
from typing import Any

from tests.oracle.asking import Asker
from tests.oracle.checking import check, reading
from tests.oracle.matcher import PREFIXES
from tests.oracle.storing import fill
from tests.oracle.values import READERS

SEED = "20261121"
SIZE, QUERIES = (int(one) for one in os.environ.get("SEARCH_ORACLE", "2000x2000").split("x"))
EVERY_WAY = [
    *(f"prefix {one}" for one in ("none", *PREFIXES)),
    *(f"precision {one}" for one in ("year", "month", "day", "minute", "second", "fraction")),
    *(f"zone {one}" for one in ("Z", "of its own", "of the deployment")),
    *(f"modifier {one}" for one in ("missing", "not", "text", "of-type", "identifier", "below")),
    *(f"token {one}" for one in ("x", "x|x", "x|", "|x")),
    *("modifier :Type", "several values", "a parameter repeated", "session", "chain", "_has"),
    *("_include", "_include:iterate", "_revinclude", "_revinclude:iterate"),
    *(f"sorted by {number}" for number in (1, 2, 3)),
    *("by _offset", "back again", "with a total"),
    *(f"{kind}?{code}" for kind, codes in READERS.items() for code in codes),
    *(f"_sort={code}" for codes in READERS.values() for code in codes),
]


def test_every_search_agrees_with_a_plain_matcher_and_the_requested_order(
    record_property: Callable[[str, Any], None],
) -> None:
    with reading() as memory:
        asker = Asker(SEED, fill(memory, SEED, SIZE))
        used = asker.used
        for _ in range(QUERIES):
            check(asker, asker.everything)
    record_property("followed", dict(used))
    assert used["queries that match"] >= 0.6 * QUERIES
    assert used["queries that span pages"] >= 0.3 * QUERIES
    assert [way for way in EVERY_WAY if not used[way]] == []
