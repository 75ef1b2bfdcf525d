"""Reindexing: rewriting every index row of a deployment as its resource would be indexed now.

Each part of the tables is scanned by itself and continues where it stopped, while the service
stays up. Once the rows of all parts are right, the guards of identifiers are recounted from them.
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
from shared.catalog.types import STORED_TYPES
from shared.errors import BusinessRule, Conflict
from shared.sessions import repair as session_repair
from shared.store import dynamodb, keys, transactions
from shared.store.items import Item
from shared.store.operations import delete, put
from shared.store.repair import guard_counts, index_drift, orphan_rows

type Part = tuple[int, int]

# Tables of resources come before the rows of these; rows of records are in the Encounters' table.
# Only when a record lists its own rows can another row of it be recognized as superfluous.
_TABLES = (patterns.RESOURCE, patterns.THREAD, patterns.ENCOUNTER, patterns.SEARCH)
# The first round repairs rows, the second recounts guards.
PASSES = (*_TABLES, *_TABLES)
ROWS_DONE = len(_TABLES)
_PAGE = 100
CHECKED, REPAIRED, REFUSED = "checked", "repaired", "refused"


@dataclass(slots=True)
class State:
    """The progress of a part: its pass, the last key there, counts, and the catalogue's mark."""

    table: int = 0
    after: tuple[str, str] | None = None
    counts: Counter[str] = field(default_factory=Counter)
    catalogue: str = ""

    @property
    def is_done(self) -> bool:
        """Return whether all passes are complete."""
        return self.table == len(PASSES)


def catalogue_hash() -> str:
    """Return a hash of the search parameters. If it changes, reindexing starts again."""
    rows = [repr(row) for name in STORED_TYPES for row in SEARCH_PARAMS.of(name).values()]
    return sha256("\n".join(sorted(rows)).encode()).hexdigest()[:16]


def run(part: Part, has_time: Callable[[], bool]) -> State:
    """Continue a part as long as there is time, and store its progress.

    The guards are recounted only after the rows of all parts are repaired.
    """
    state = _state(part)
    while not state.is_done and has_time():
        if state.table == ROWS_DONE and state.after is None and not _are_rows_done(part):
            break
        table = PASSES[state.table]
        handle = _repair_rows if state.table < ROWS_DONE else _recount_guards
        items, state.after = dynamodb.scan(table, part, limit=_PAGE, after=state.after)
        for item in items:
            handle(table, item, state.counts)
        if state.after is None:
            state.table += 1
        progress = {"state": {"S": orjson.dumps(state).decode()}}
        transactions.send([put(_address(part), progress)])
    return state


def _are_rows_done(part: Part) -> bool:
    """Return whether the rows of all parts are repaired."""
    return all(_state((number, part[1])).table >= ROWS_DONE for number in range(part[1]))


def finish(parts: int) -> list[str]:
    """Mark added search parameters as ready, and delete the parts' progress.

    Return the names of these parameters. Raises Conflict if a part is not done.
    """
    states = [_state((number, parts)) for number in range(parts)]
    if not all(state.is_done for state in states):
        raise Conflict("Not every part has been reindexed")
    added = added_parameters()
    ready = [put(keys.reindexing("ready"), {"parameters": {"SS": added}})] if added else []
    parts_done = [delete(_address((number, parts))) for number in range(parts)]
    transactions.send([*ready, *parts_done])
    return added


def added_parameters() -> list[str]:
    """Return the names of the search parameters that were added later."""
    rows = (row for name in STORED_TYPES for row in SEARCH_PARAMS.of(name).values())
    return [row.name for row in rows if row.needs_reindexing]


def _repair_rows(table: str, item: Item, counts: Counter[str]) -> None:
    """Delete an item that is a superfluous row, or repair the rows of the record that it is."""
    key = (item["pk"]["S"], item["sk"]["S"])
    if table == patterns.index_table_of_key(key[1]):
        owner = orphan_rows.row_owner(key)
        if owner:
            counts[f"{CHECKED} rows"] += 1
            counts[f"{REPAIRED} rows"] += transactions.with_retries(
                lambda: _delete_orphan(key, *owner)
            )
        return
    record = index_drift.current_record(table, item)
    counts[f"{REPAIRED} sessions"] += session_repair.repair_item(item, record)
    if record is None:
        return
    counts[CHECKED] += 1
    tenant = item["pk"]["S"].partition("#")[0]
    try:
        counts[f"{REPAIRED} rows"] += transactions.with_retries(
            lambda: _repair(table, item, tenant)
        )
    except BusinessRule:
        # It exceeds the present limit of values, which its next update will report.
        counts[REFUSED] += 1


def _recount_guards(table: str, item: Item, counts: Counter[str]) -> None:
    """Recount the guard that an item is, or those that a record's identifiers lack."""
    tenant, sort = item["pk"]["S"].partition("#")[0], item["sk"]["S"]
    addresses: Iterable[keys.Address] = ()
    if table == patterns.SEARCH:
        if sort == patterns.GUARD.sort:
            counts[f"{CHECKED} guards"] += 1
            addresses = (keys.Address(table, item["pk"]["S"], sort),)
    elif (record := index_drift.current_record(table, item)) and not record.deleted:
        addresses = guard_counts.missing_guards(record, tenant)
    for address in addresses:
        counts[f"{REPAIRED} guards"] += transactions.with_retries(partial(_recount, address))


def _recount(address: keys.Address) -> int:
    """Recount one guard. Return 1 if it was wrong, else 0."""
    change = guard_counts.count_correction(address)
    if change:
        transactions.send(change)
    return len(change)


def _repair(table: str, item: Item, tenant: str) -> int:
    """Repair a record's rows, and return how many were wrong.

    The record is read again before the repair, because the scanned item may be out of date.
    """
    if _drift(table, item, tenant) is None:
        return 0
    current = dynamodb.get(keys.Address(table, item["pk"]["S"], item["sk"]["S"]))
    drift = _drift(table, current, tenant) if current else None
    if drift is None:
        return 0
    transactions.send([*drift.repair_operations(tenant)])
    return drift.count


def _drift(table: str, item: Item, tenant: str) -> index_drift.Drift | None:
    """Return what is wrong with the rows of the record that an item is; None if nothing is."""
    record = index_drift.current_record(table, item)
    drift = index_drift.drift(record, tenant) if record else None
    return drift if drift and drift.count else None


def _delete_orphan(key: tuple[str, str], tenant: str, resource_type: str, resource_id: str) -> int:
    """Delete a row that its resource does not list. Return 1 if it was deleted, else 0."""
    repair = orphan_rows.orphan_deletion(key, tenant, resource_type, resource_id)
    if repair:
        transactions.send(repair)
    return bool(repair)


def _address(part: Part) -> keys.Address:
    return keys.reindexing(f"segment#{part[0]}/{part[1]}")


def _state(part: Part) -> State:
    address = _address(part)
    item = dynamodb.get(address)
    stored: dict[str, Any] = orjson.loads(item["state"]["S"]) if item else {}
    if stored.get("catalogue") != catalogue_hash():
        return State(catalogue=catalogue_hash())
    after = stored["after"]
    return State(
        stored["table"],
        tuple(after) if after else None,
        Counter(stored["counts"]),
        stored["catalogue"],
    )
