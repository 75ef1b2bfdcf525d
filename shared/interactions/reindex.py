"""Reindexing: every index row of a deployment as its resource would have it written now.

Each part of the tables is gone through by itself, from where it was left; the service goes on.
Once all parts have their rows, the guards of identifiers are counted anew by these.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any

import orjson

from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.types import TYPES
from shared.errors import BusinessRule, Conflict
from shared.interactions import session_repair
from shared.store import dynamodb, keys, rebuilding, recounting, transactions
from shared.store.items import Item
from shared.store.operations import delete, put

type Part = tuple[int, int]

# Rows after what has them, those of records are beside Encounters: a row is superfluous only once
# its resource names its own.
_TABLES = (patterns.RESOURCE, patterns.THREAD, patterns.ENCOUNTER, patterns.SEARCH)
# Once for the rows, once for the guards.
PASSES = (*_TABLES, *_TABLES)
ROWS_DONE = len(_TABLES)
_PAGE = 100
CHECKED, REPAIRED, REFUSED = "checked", "repaired", "refused"


@dataclass(slots=True)
class State:
    """How far a part has come: pass, key there, and what was found; of which catalogue."""

    table: int = 0
    after: tuple[str, str] | None = None
    counts: Counter[str] = field(default_factory=Counter)
    catalogue: str = ""

    @property
    def is_done(self) -> bool:
        """Tell whether all tables have been gone through."""
        return self.table == len(PASSES)


def catalogue() -> str:
    """Give a mark of what rows follow from: reindexing begins anew where that has changed."""
    rows = [repr(row) for each in TYPES for row in SEARCH_PARAMS.of(each).values()]
    return sha256("\n".join(sorted(rows)).encode()).hexdigest()[:16]


def run(part: Part, has_time: Callable[[], bool]) -> State:
    """Go on with a part as long as there is time; what is done is kept.

    Its guards wait for the rows of all parts.
    """
    state = _state(part)
    while not state.is_done and has_time():
        if state.table == ROWS_DONE and state.after is None and not _have_rows(part):
            break
        table = PASSES[state.table]
        mend = _mend if state.table < ROWS_DONE else _recount
        items, state.after = dynamodb.scan(table, part, limit=_PAGE, after=state.after)
        for item in items:
            mend(table, item, state.counts)
        if state.after is None:
            state.table += 1
        _keep(part, state)
    return state


def _have_rows(part: Part) -> bool:
    """Tell whether the rows of all parts are done."""
    return all(_state((number, part[1])).table >= ROWS_DONE for number in range(part[1]))


def finish(parts: int) -> list[str]:
    """Mark the parameters that were added as ready, and forget the parts.

    Raises Conflict where a part is not done.
    """
    states = [_state((number, parts)) for number in range(parts)]
    if not all(state.is_done for state in states):
        raise Conflict("Not every part has been indexed anew")
    added = [row.name for each in TYPES for row in SEARCH_PARAMS.of(each).values() if row.added]
    ready = [put(keys.reindexing("ready"), {"parameters": {"SS": added}})] if added else []
    parts_done = [delete(_address((number, parts))) for number in range(parts)]
    transactions.send([*ready, *parts_done])
    return added


def _mend(table: str, item: Item, counts: Counter[str]) -> None:
    key = (item["pk"]["S"], item["sk"]["S"])
    if table == patterns.table_of_row(key[1]):
        found = rebuilding.owner(key)
        if found:
            counts[f"{CHECKED} rows"] += 1
            counts[f"{REPAIRED} rows"] += transactions.settle(lambda: _without(key, *found))
        return
    record = rebuilding.read(table, item)
    counts[f"{REPAIRED} sessions"] += session_repair.repaired(item, record)
    if record is None:
        return
    counts[CHECKED] += 1
    tenant = item["pk"]["S"].partition("#")[0]
    try:
        counts[f"{REPAIRED} rows"] += transactions.settle(lambda: _mended(table, item, tenant))
    except BusinessRule:
        # It has too many values by now; its next update will say so.
        counts[REFUSED] += 1


def _recount(table: str, item: Item, counts: Counter[str]) -> None:
    """Count the guards anew that a record's identifiers lack, or that are there."""
    tenant, sort = item["pk"]["S"].partition("#")[0], item["sk"]["S"]
    found: Iterable[keys.Address] = ()
    if table == patterns.SEARCH:
        if sort == patterns.GUARD.sort:
            counts[f"{CHECKED} guards"] += 1
            found = (keys.Address(table, item["pk"]["S"], sort),)
    elif (record := rebuilding.read(table, item)) and not record.deleted:
        found = recounting.missing(record, tenant)
    for address in found:
        counts[f"{REPAIRED} guards"] += transactions.settle(partial(_recounted, address))


def _recounted(address: keys.Address) -> int:
    change = recounting.recounted(address)
    if change:
        transactions.send(change)
    return len(change)


def _mended(table: str, item: Item, tenant: str) -> int:
    """Mend a record's rows, and give how many were wrong; it is read again where it has changed."""
    record = rebuilding.read(table, item)
    found = rebuilding.drift(record, tenant) if record else None
    if found is None or not found.count:
        return 0
    now = dynamodb.get(table, (item["pk"]["S"], item["sk"]["S"]))
    record = rebuilding.read(table, now) if now else None
    found = rebuilding.drift(record, tenant) if record else None
    if found is None or not found.count:
        return 0
    transactions.send([*found.repair(tenant)])
    return found.count


def _without(key: tuple[str, str], tenant: str, resource_type: str, resource_id: str) -> int:
    repair = rebuilding.orphan(key, tenant, resource_type, resource_id)
    if repair:
        transactions.send(repair)
    return bool(repair)


def _address(part: Part) -> keys.Address:
    return keys.reindexing(f"segment#{part[0]}/{part[1]}")


def _state(part: Part) -> State:
    address = _address(part)
    item = dynamodb.get(address.table, (address.pk, address.sk))
    known: dict[str, Any] = orjson.loads(item["state"]["S"]) if item else {}
    if known.get("catalogue") != catalogue():
        return State(catalogue=catalogue())
    after = known["after"]
    return State(
        known["table"],
        tuple(after) if after else None,
        Counter(known["counts"]),
        known["catalogue"],
    )


def _keep(part: Part, state: State) -> None:
    written = orjson.dumps(
        {
            "table": state.table,
            "after": state.after,
            "counts": state.counts,
            "catalogue": state.catalogue,
        }
    ).decode()
    transactions.send([put(_address(part), {"state": {"S": written}})])
