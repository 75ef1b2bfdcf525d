"""Send transactions, tell their outcomes apart, and repeat changes that lost a race.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

import random
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from shared import deadlines
from shared.errors import Transient
from shared.store.dynamodb import BUSY_CODES, UNKNOWN_OUTCOME_CODES, Busy, call_aws, client
from shared.store.operations import Operation

MOST_ITEMS = 100
# DynamoDB limits a transaction to 4 MB; sizes here are estimates, which leave some room.
MOST_BYTES = 3_800_000
# At most: a change ends earlier if the function's time does.
CHANGE_PATIENCE_SECONDS = 18
UNKNOWN_OUTCOME_SECONDS = 5
_FIRST_PAUSE, _LONGEST_RETRY_PAUSE = 0.02, 1.0


class Stale(Exception):
    """A condition failed, because what was read has changed since; nothing was written."""


class TooManyItems(Exception):
    """The changes do not fit in one transaction."""


def send(operations: Sequence[Operation]) -> None:
    """Write all operations or none. Raises Busy, Stale, TooManyItems and Transient.

    If the outcome is unknown, the transaction is sent again under its idempotency token, so that it
    happens at most once. Raises Transient if the outcome stays unknown.
    """
    if len(operations) > MOST_ITEMS or sum(map(_bytes, operations)) > MOST_BYTES:
        raise TooManyItems(len(operations))
    deadlines.check()
    token, deadline = str(uuid4()), _deadline(UNKNOWN_OUTCOME_SECONDS)
    while not _sent(operations, token):
        if time.monotonic() > deadline:
            raise Transient(
                "The database did not answer, and the change may or may not have been made; "
                "read the resource before you try again"
            )
        time.sleep(_FIRST_PAUSE)


def _deadline(seconds: float) -> float:
    return min(time.monotonic() + seconds, deadlines.current())


def _bytes(operation: Operation) -> int:
    item = operation.get("Put", {}).get("Item", {})
    return 1024 + len(item["resource"]["B"]) if "resource" in item else 1024


def _sent(operations: Sequence[Operation], token: str) -> bool:
    try:
        call_aws(client().transact_write_items, TransactItems=operations, ClientRequestToken=token)
    except (NoConnection, HTTPClientError):
        return False
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in UNKNOWN_OUTCOME_CODES:
            return False
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", ())}
        if "ConditionalCheckFailed" in reasons:
            raise Stale from None
        if code in BUSY_CODES or reasons & BUSY_CODES:
            raise Busy("The database is busy; try again later") from None
        raise
    return True


def with_retries[T](attempt: Callable[[], T]) -> T:
    """Call `attempt` until it raises neither Stale nor Busy, and return its result.

    Each attempt must read anew. Pauses have full jitter. Raises Transient if time runs out.
    """
    deadline, longest_pause = _deadline(CHANGE_PATIENCE_SECONDS), _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except (Busy, Stale):
            pass
        if time.monotonic() + longest_pause > deadline:
            raise Transient("The database is busy; try again later")
        time.sleep(random.uniform(0, longest_pause))  # noqa: S311 - jitter needs no secrecy
        longest_pause = min(2 * longest_pause, _LONGEST_RETRY_PAUSE)
