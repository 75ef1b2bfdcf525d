"""Run the queries, and compare the answers with the matcher's."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import orjson
import pytest

from shared.catalog import access_patterns as patterns
from shared.errors import TooCostly
from shared.search.run.search import Result
from shared.store import dynamodb
from tests.oracle.asking import Asked, Asker, Pair
from tests.oracle.matcher import Everything, name_of, sorted_by
from tests.oracle.values import NOW, ZONE
from tests.support.caches import clear_caches
from tests.support.clock import set_clock
from tests.support.memory_reads import Memory
from tests.support.search_page import search_page

# The number of rows that one request may read.
MOST = 2000
ENVIRONMENT = {
    "ENCOUNTER_TABLE": patterns.ENCOUNTER,
    "THREAD_TABLE": patterns.THREAD,
    "RESOURCE_TABLE": patterns.RESOURCE,
    "SEARCH_TABLE": patterns.SEARCH,
    "AUDIT_TABLE": patterns.AUDIT,
    "SESSION_TIME_ZONE": ZONE.key,
    "SESSION_MAX_HOURS": "24",
}


@contextmanager
def reading() -> Iterator[Memory]:
    memory = Memory()
    with pytest.MonkeyPatch.context() as patch:
        for variable in ENVIRONMENT.items():
            patch.setenv(*variable)
        clear_caches()
        patch.setattr(dynamodb, "client", lambda: memory)
        set_clock(patch, lambda: NOW)
        yield memory
    clear_caches()


def ask(kind: str, pairs: list[Pair]) -> Result:
    return search_page(kind, pairs, zone=ZONE)


@cache
def name(json: bytes) -> str:
    return name_of(orjson.loads(json))


def names(jsons: list[bytes]) -> list[str]:
    return [name(json) for json in jsons]


def pages(kind: str, pairs: list[Pair]) -> list[Result]:
    results = [ask(kind, pairs)]
    while results[-1].next:
        results.append(ask(kind, list(results[-1].next)))
        assert len(results) < 300
    return results


def check(asker: Asker, everything: Everything) -> None:
    asked, dice, used = asker.query(), asker.dice, asker.used
    wanted = everything.named[asked.type]
    for criterion in asked.criteria:
        wanted &= everything.find(asked.type, *criterion)
    beside = dice.choice([[]] * 6 + [[("_offset", "0")], [("_total", "accurate")]])
    # Such a search reads all matches for each page, so many pages would take many such readings.
    is_read_whole = bool(asked.sort or beside)
    count = max(dice.choice([2, 5, 10, 20, 50]), len(wanted) // (1 if is_read_whole else 3) - 1)
    query = [*asked.criteria, *asked.includes, ("_count", str(count)), *beside]
    query += [("_sort", asked.sort)] if asked.sort else []
    try:
        results = pages(asked.type, query)
    except TooCostly:
        used["queries that are too costly"] += 1
        assert is_wide(asked, everything), query
        return
    used["queries that match"] += bool(wanted)
    used["queries that span pages"] += len(results) > 1
    used["by _offset"] += ("_offset", "0") in beside
    used["with a total"] += bool(beside)
    shown = [resource_name for page in results for resource_name in names(page.resources)]
    assert sorted(shown) == sorted(wanted), query
    assert is_sorted(everything, shown, asked.sort), query
    if beside:
        # A search with more matches than a request may read has no total.
        totals = {len(wanted), None} if is_wide(asked, everything) else {len(wanted)}
        assert {page.total for page in results} <= totals, query
    for page in results:
        assert sorted(names(page.included)) == reached(everything, page, asked), query
    is_full = len(results) > 1 and all(page.resources for page in results[:2])
    if is_full and not asked.includes and dice.random() < 0.3:
        used["back again"] += 1
        back = ask(asked.type, list(results[1].links["previous"]))
        again, first = names(back.resources), names(results[0].resources)
        assert again == first[-len(again) :], query
        assert len(again) == len(first) or "previous" in back.links, query


def is_wide(query: Asked, everything: Everything) -> bool:
    """Return whether a search may have to read more than one request may."""
    joined = any("." in code or "_has" in code for code, _ in query.criteria)
    return joined or bool(query.includes) or len(everything.by_name) > MOST


def is_sorted(everything: Everything, shown: list[str], sort: str) -> bool:
    resources = [everything.by_name[resource_name] for resource_name in shown]
    by = sort.split(",") if sort else []
    keys = [[sorted_by(everything, resource, key) for key in by] for resource in resources]
    return not any(later < earlier for earlier, later in pairwise(keys))


def reached(everything: Everything, page: Result, query: Asked) -> list[str]:
    """Return the names of all resources that a page includes, by testing all of them repeatedly."""
    matched = set(names(page.resources))
    included: set[str] = set()
    while True:
        all_found, larger = matched | included, set(included)
        for rule, value in query.includes:
            source, code, *target = value.split(":")
            is_forward, starts = rule.startswith("_include"), all_found if ":" in rule else matched
            for resource_name in starts if is_forward else everything.named[source]:
                if resource_name.startswith(f"{source}/"):
                    targets = {
                        target_name
                        for target_name in everything.pointed(resource_name, code)
                        if not target or target_name.startswith(f"{target[0]}/")
                    }
                    larger |= (
                        targets if is_forward else ({resource_name} if targets & starts else set())
                    )
        if larger == included:
            return sorted(included - matched)
        included = larger
