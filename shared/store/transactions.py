"""Sending a transaction: which outcomes mean busy, which mean that somebody else was first.

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
from shared.store.dynamodb import BUSY_CODES, UNKNOWN_OUTCOME_CODES, Busy, client, make
from shared.store.operations import Operation

MOST_OPERATIONS = 100
# DynamoDB ends a transaction at 4 MB; what is not a resource's copy is small.
MOST_BYTES = 3_800_000
# At most; a function that has less time left ends sooner.
CHANGE_PATIENCE_SECONDS = 18
UNKNOWN_OUTCOME_SECONDS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0


class Stale(Exception):
    """A condition failed: what was read has changed since; nothing happened."""


class TooManyItems(Exception):
    """The changes do not fit one transaction."""


def send(operations: Sequence[Operation]) -> None:
    """Make all the changes or none. Raises Busy, Stale and TooManyItems.

    Where the outcome stays unknown it is sent again under its token: it happens at most once.
    """
    if len(operations) > MOST_OPERATIONS or sum(map(_bytes, operations)) > MOST_BYTES:
        raise TooManyItems(len(operations))
    deadlines.check()
    token, deadline = str(uuid4()), _deadline(UNKNOWN_OUTCOME_SECONDS)
    while not _sent(operations, token):
        if time.monotonic() > deadline:
            raise Transient("The database did not answer; the change may or may not have been made")
        time.sleep(_FIRST_PAUSE)


def _deadline(seconds: float) -> float:
    return min(time.monotonic() + seconds, deadlines.end())


def _bytes(operation: Operation) -> int:
    item = operation.get("Put", {}).get("Item", {})
    return 1024 + len(item["resource"]["B"]) if "resource" in item else 1024


def _sent(operations: Sequence[Operation], token: str) -> bool:
    try:
        make(client().transact_write_items, TransactItems=operations, ClientRequestToken=token)
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
            raise Busy("The database is busy") from None
        raise
    return True


def with_retries[T](attempt: Callable[[], T]) -> T:
    """Make attempts, each reading anew, until one is neither stale nor refused for load.

    Raises Transient when the patience or the function's time is at its end.
    """
    deadline, longest = _deadline(CHANGE_PATIENCE_SECONDS), _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except (Busy, Stale):
            pass
        if time.monotonic() + longest > deadline:
            raise Transient("The database is busy")
        time.sleep(random.uniform(0, longest))  # noqa: S311 - jitter needs no secrecy
        longest = min(2 * longest, _LONGEST_PAUSE)
