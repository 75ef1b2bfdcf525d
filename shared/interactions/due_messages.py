"""Queue messages that carry due Encounters from the schedule to the workers.

A message holds the instant of its run and at most 25 Encounters. It may be delivered twice:
looking at an Encounter again changes nothing more.
"""

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import batched, islice
from typing import Any

from aws_lambda_powertools import Logger

from shared import failures, instants, metrics
from shared.interactions import due
from shared.store import queue, reading
from shared.store.operations import DUE_SHARDS

# A worker looks at them all within its timeout.
ENCOUNTERS_A_MESSAGE = 25
# The most rows that one run takes of a shard: less than one page of a query.
MOST_A_SHARD = 12_500

logger = Logger()


def send_due(at: datetime) -> int:
    """Send the Encounters that are due at an instant, the longest due first. Return how many.

    Nothing is sent while messages wait that no worker has taken. They name the same Encounters,
    and a queue that is not drained would only grow.
    """
    rows = sorted(
        row
        for shard in range(DUE_SHARDS)
        for row in islice(reading.due_rows(shard, instants.written(at)), MOST_A_SHARD)
    )
    overdue = (at - instants.read(rows[0].due)).total_seconds() if rows else 0
    metrics.note(metrics.OLDEST, overdue)
    if not rows or queue.waiting():
        return 0
    batches = batched(rows, ENCOUNTERS_A_MESSAGE, strict=False)
    queue.send([_message(at, batch) for batch in batches])
    return len(rows)


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
    """
    try:
        due.look(tenant, encounter_id, max(at, instants.now()))
    except Exception as error:  # noqa: BLE001 - one failure must not hold up the other Encounters
        metrics.note(metrics.FAILED)
        fields = {"id": encounter_id, **failures.described(error)}
        logger.error("not looked at", extra=fields)  # noqa: TRY400 - its text may hold patient data
        return False
    return True
