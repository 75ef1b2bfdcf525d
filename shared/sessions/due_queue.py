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
from shared.sessions import due_encounters
from shared.settings import settings
from shared.store import due_rows, items, keys, queues, transactions
from shared.store.due_rows import DueRow
from shared.store.operations import DUE_SHARDS, put

# A worker looks at them all within its timeout.
ENCOUNTERS_PER_MESSAGE = 25
# How long the schedule leaves out an Encounter that failed. Its message is retried meanwhile.
HOLD = timedelta(hours=1)
# The most rows that one run takes of a shard: less than one page of a query.
MAX_ROWS_PER_SHARD = 12_500

logger = Logger()


class Unfinished(Exception):
    """Not all Encounters of a message could be looked at."""


def send_due_encounters(at: datetime) -> int:
    """Send the Encounters that are due at an instant, the longest due first. Return how many.

    Nothing is sent while messages wait that no worker has taken. They name the same Encounters,
    and a queue that is not drained would only grow. Held Encounters are left out, because every
    run would send them again.
    """
    rows = sorted(_due(at))
    overdue = (at - instants.from_text(rows[0].due)).total_seconds() if rows else 0
    metrics.record(metrics.OLDEST, overdue)
    queue = settings().closing_queue_url
    if not rows or queues.approximate_length(queue):
        return 0
    held = due_rows.held_encounters(instants.to_text(at))
    sent = [row for row in rows if (row.tenant, row.encounter) not in held]
    batches = batched(sent, ENCOUNTERS_PER_MESSAGE, strict=False)
    queues.send(queue, [_message(at, batch) for batch in batches])
    return len(sent)


def _due(at: datetime) -> Iterator[DueRow]:
    for shard in range(DUE_SHARDS):
        yield from islice(due_rows.due_rows(shard, instants.to_text(at)), MAX_ROWS_PER_SHARD)


def _message(at: datetime, rows: Iterable[DueRow]) -> str:
    due = [[row.tenant, row.encounter] for row in rows]
    return json.dumps({"time": instants.to_text(at), "due": due}, separators=(",", ":"))


def process_message(message: dict[str, Any], has_time: Callable[[], bool]) -> None:
    """Look at the Encounters of a message. Raises Unfinished unless each look succeeded.

    The message is then retried as a whole: the Encounters that were closed are no longer due.
    """
    at = instants.from_text(message["time"])
    # A list, so that a failure does not keep the rest from being looked at.
    successes = [
        has_time() and _look(tenant, encounter_id, at) for tenant, encounter_id in message["due"]
    ]
    if not all(successes):
        raise Unfinished


def _look(tenant: str, encounter_id: str, at: datetime) -> bool:
    """Look at one Encounter. Return whether that succeeded.

    The run's time is used if it is ahead of the clock, so that a run can be made for a later time.
    An Encounter that fails for another reason than load is held: it fails until somebody mends it.
    """
    now = max(at, instants.now())
    try:
        due_encounters.close_or_postpone(tenant, encounter_id, now)
    except Exception as error:  # noqa: BLE001 - one failure must not hold up the other Encounters
        metrics.record(metrics.CLOSING_FAILURES)
        fields = {"id": encounter_id, **failures.log_fields(error)}
        logger.error("not looked at", extra=fields)  # noqa: TRY400 - its text may hold patient data
        if not isinstance(error, Transient):
            with suppress(Exception):  # without the row, the next run sends the Encounter again
                _hold(tenant, encounter_id, now + HOLD)
        return False
    return True


def _hold(tenant: str, encounter_id: str, until: datetime) -> None:
    item = {"until": {"S": instants.to_text(until)}, "expires": items.expiry(until)}
    transactions.send([put(keys.hold(tenant, encounter_id), item)])
