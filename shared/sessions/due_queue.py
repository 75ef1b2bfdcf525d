"""Queue messages that carry due Encounters from the schedule to the workers.

A message holds the instant of its run and at most 25 Encounters. It may be delivered twice:
looking at an Encounter again changes nothing more.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import batched, islice
from typing import Any

from aws_lambda_powertools import Logger

from shared import failures, metrics
from shared.errors import Transient
from shared.fhir import instants
from shared.sessions import due
from shared.store import audit_items, keys, queue, reading, transactions
from shared.store.operations import DUE_SHARDS, put

# A worker looks at them all within its timeout.
ENCOUNTERS_A_MESSAGE = 25
# How long the schedule leaves out an Encounter that failed. Its message is retried meanwhile.
HOLD = timedelta(hours=1)
# The most rows that one run takes of a shard: less than one page of a query.
MOST_A_SHARD = 12_500

logger = Logger()


def send_due(at: datetime) -> int:
    """Send the Encounters that are due at an instant, the longest due first. Return how many.

    Nothing is sent while messages wait that no worker has taken. They name the same Encounters,
    and a queue that is not drained would only grow. Held Encounters are left out, because every
    run would send them again.
    """
    rows = sorted(_due(at))
    overdue = (at - instants.read(rows[0].due)).total_seconds() if rows else 0
    metrics.note(metrics.OLDEST, overdue)
    if not rows or queue.approximate_length():
        return 0
    held = reading.held(instants.written(at))
    sent = [row for row in rows if (row.tenant, row.encounter) not in held]
    batches = batched(sent, ENCOUNTERS_A_MESSAGE, strict=False)
    queue.send([_message(at, batch) for batch in batches])
    return len(sent)


def _due(at: datetime) -> Iterator[reading.DueRow]:
    for shard in range(DUE_SHARDS):
        yield from islice(reading.due_rows(shard, instants.written(at)), MOST_A_SHARD)


def _message(at: datetime, rows: Iterable[reading.DueRow]) -> str:
    due_rows = [[row.tenant, row.encounter] for row in rows]
    return json.dumps({"time": instants.written(at), "due": due_rows}, separators=(",", ":"))


def look_at(records: Iterable[dict[str, Any]], has_time: Callable[[], bool]) -> list[str]:
    """Look at the Encounters of each message. Return the ids of the messages to retry.

    A message is retried as a whole: the Encounters that were closed are no longer due.
    """
    return [
        record["messageId"]
        for record in records
        if not _process(json.loads(record["body"]), has_time)
    ]


def _process(message: dict[str, Any], has_time: Callable[[], bool]) -> bool:
    """Look at all Encounters of a message. Return whether each look succeeded."""
    at = instants.read(message["time"])
    # A list, so that a failure does not keep the rest from being looked at.
    successes = [
        has_time() and _look(tenant, encounter_id, at) for tenant, encounter_id in message["due"]
    ]
    return all(successes)


def _look(tenant: str, encounter_id: str, at: datetime) -> bool:
    """Look at one Encounter. Return whether that succeeded.

    The run's time is used if it is ahead of the clock, so that a run can be made for a later time.
    An Encounter that fails for another reason than load is held: it fails until somebody mends it.
    """
    now = max(at, instants.now())
    try:
        due.look(tenant, encounter_id, now)
    except Exception as error:  # noqa: BLE001 - one failure must not hold up the other Encounters
        metrics.note(metrics.FAILED)
        fields = {"id": encounter_id, **failures.described(error)}
        logger.error("not looked at", extra=fields)  # noqa: TRY400 - its text may hold patient data
        if not isinstance(error, Transient):
            with suppress(Exception):  # without the row, the next run sends the Encounter again
                _hold(tenant, encounter_id, now + HOLD)
        return False
    return True


def _hold(tenant: str, encounter_id: str, until: datetime) -> None:
    item = {"until": {"S": instants.written(until)}, "expires": audit_items.expiry(until)}
    transactions.send([put(keys.held(tenant, encounter_id), item)])
