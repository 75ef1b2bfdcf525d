"""What is due, on its way from the schedule through the queue to the workers.

A message holds the instant of its run and at most 25 Encounters. Everything here may happen again:
looking twice at an Encounter changes nothing more.
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

ENCOUNTERS_A_MESSAGE = 25
# What one run takes of a shard: less than a page of its rows.
MOST_A_SHARD = 12_500

logger = Logger()


def send_due(at: datetime) -> int:
    """Send what is due at an instant, the longest due first; give how many Encounters.

    Nothing while messages wait that no worker has taken: they are about the same Encounters, and
    a queue that is not drained would only grow.
    """
    found = sorted(
        row
        for shard in range(DUE_SHARDS)
        for row in islice(reading.due_rows(shard, instants.written(at)), MOST_A_SHARD)
    )
    overdue = (at - instants.read(found[0].due)).total_seconds() if found else 0
    metrics.note(metrics.OLDEST, overdue)
    if not found or queue.waiting():
        return 0
    queue.send([_written(at, rows) for rows in batched(found, ENCOUNTERS_A_MESSAGE, strict=False)])
    return len(found)


def _written(at: datetime, rows: Iterable[reading.DueRow]) -> str:
    about = [[row.tenant, row.encounter] for row in rows]
    return json.dumps({"time": instants.written(at), "due": about}, separators=(",", ":"))


def look_at(records: Iterable[dict[str, Any]], has_time: Callable[[], bool]) -> list[str]:
    """Look at the Encounters of each message; give the ids of messages to be tried again.

    A message is tried again as a whole: those of its Encounters that were closed are then not due.
    """
    return [
        record["messageId"]
        for record in records
        if not _is_done(json.loads(record["body"]), has_time)
    ]


def _is_done(message: dict[str, Any], has_time: Callable[[], bool]) -> bool:
    at = instants.read(message["time"])
    looked = [
        has_time() and _is_looked_at(tenant, encounter_id, at)
        for tenant, encounter_id in message["due"]
    ]
    return all(looked)


def _is_looked_at(tenant: str, encounter_id: str, at: datetime) -> bool:
    """Look at one Encounter; tell whether it went well. The run's time counts where it is ahead."""
    try:
        due.look(tenant, encounter_id, max(at, instants.now()))
    except Exception as error:  # noqa: BLE001 - one that cannot be looked at holds up no other
        metrics.note(metrics.FAILED)
        about = {"id": encounter_id, **failures.described(error)}
        logger.error("not looked at", extra=about)  # noqa: TRY400 - never the exception's text
        return False
    return True
