"""Asking what a matcher says of everything, and comparing the answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import orjson
import pytest

from shared.catalog import access_patterns as patterns
from shared.errors import TooCostly
from shared.search.run.search import Result, search
from shared.store import dynamodb
from tests.clock import set_clock
from tests.memory import Memory
from tests.oracle.asking import Asked, Asker, Pair
from tests.oracle.matcher import Everything, name_of, sorted_by
from tests.oracle.values import BASE, NOW, ZONE
from tests.remembered import forget

# What one request reads at most.
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
        forget()
        patch.setattr(dynamodb, "client", lambda: memory)
        set_clock(patch, lambda: NOW)
        yield memory
    forget()


def ask(kind: str, pairs: list[Pair]) -> Result:
    return search(kind, pairs, tenant="-", caller="me", base=BASE, zone=ZONE)


@cache
def name(json: bytes) -> str:
    return name_of(orjson.loads(json))


def names(jsons: list[bytes]) -> list[str]:
    return [name(one) for one in jsons]


def pages(kind: str, pairs: list[Pair]) -> list[Result]:
    found = [ask(kind, pairs)]
    while found[-1].next:
        found.append(ask(kind, list(found[-1].next)))
        assert len(found) < 300
    return found


def check(asker: Asker, everything: Everything) -> None:
    asked, dice, used = asker.query(), asker.dice, asker.used
    wanted = everything.named[asked.type]
    for criterion in asked.criteria:
        wanted &= everything.find(asked.type, *criterion)
    beside = dice.choice([[]] * 6 + [[("_offset", "0")], [("_total", "accurate")]])
    # Such a page is read as a whole: one of many pages would take as many readings.
    is_read_whole = bool(asked.sort or beside)
    count = max(dice.choice([2, 5, 10, 20, 50]), len(wanted) // (1 if is_read_whole else 3) - 1)
    query = [*asked.criteria, *asked.includes, ("_count", str(count)), *beside]
    query += [("_sort", asked.sort)] if asked.sort else []
    try:
        found = pages(asked.type, query)
    except TooCostly:
        used["queries that are too costly"] += 1
        assert is_wide(asked, everything), query
        return
    used["queries that match"] += bool(wanted)
    used["queries that span pages"] += len(found) > 1
    used["by _offset"] += ("_offset", "0") in beside
    used["with a total"] += bool(beside)
    shown = [one for page in found for one in names(page.resources)]
    assert sorted(shown) == sorted(wanted), query
    assert is_sorted(everything, shown, asked.sort), query
    if beside:
        # What is more than a request may read has no total.
        totals = {len(wanted), None} if is_wide(asked, everything) else {len(wanted)}
        assert {page.total for page in found} <= totals, query
    for page in found:
        assert sorted(names(page.included)) == reached(everything, page, asked), query
    is_full = len(found) > 1 and all(page.resources for page in found[:2])
    if is_full and not asked.includes and dice.random() < 0.3:
        used["back again"] += 1
        back = ask(asked.type, list(found[1].links["previous"]))
        again, first = names(back.resources), names(found[0].resources)
        assert again == first[-len(again) :], query
        assert len(again) == len(first) or "previous" in back.links, query


def is_wide(asked: Asked, everything: Everything) -> bool:
    """Whether a search may have to look at more than one request may."""
    joined = any("." in code or "_has" in code for code, _ in asked.criteria)
    return joined or bool(asked.includes) or len(everything.by_name) > MOST


def is_sorted(everything: Everything, shown: list[str], sort: str) -> bool:
    resources = [everything.by_name[one] for one in shown]
    by = sort.split(",") if sort else []
    keys = [[sorted_by(everything, one, key) for key in by] for one in resources]
    return not any(later < one for one, later in pairwise(keys))


def reached(everything: Everything, page: Result, asked: Asked) -> list[str]:
    """All that a page's matches lead to, by looking at everything again and again."""
    matched = set(names(page.resources))
    found: set[str] = set()
    while True:
        begin, more = matched | found, set(found)
        for rule, value in asked.includes:
            source, code, *target = value.split(":")
            is_forward, of = rule.startswith("_include"), begin if ":" in rule else matched
            for one in of if is_forward else everything.named[source]:
                if one.startswith(f"{source}/"):
                    to = {
                        each
                        for each in everything.pointed(one, code)
                        if not target or each.startswith(f"{target[0]}/")
                    }
                    more |= to if is_forward else ({one} if to & of else set())
        if more == found:
            return sorted(found - matched)
        found = more
