"""The bus of Amazon EventBridge that events are published on.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from collections.abc import Sequence
from functools import cache
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from shared.store import dynamodb, meter

# EventBridge's own limit for PutEvents.
MOST_PUT = 10
_BUSY = frozenset({"ThrottlingException", "InternalException", "InternalFailure"})
_NO_ANSWER = "NoAnswer"

type Entry = dict[str, Any]


@cache
def client() -> Any:
    """Return the EventBridge client."""
    return dynamodb.session().create_client("events", config=dynamodb.CONFIG)


def put(entries: Sequence[Entry]) -> None:
    """Put events on the bus, ten at a time; only those that it did not take are put again.

    Raises Busy if some are left; the others are on the bus then.
    """
    left = [entry for batch in batched(entries, MOST_PUT, strict=False) for entry in _put(batch)]
    if left:
        raise dynamodb.Busy(f"The event bus did not take {len(left)} of {len(entries)} events")


def _put(batch: Sequence[Entry]) -> Sequence[Entry]:
    """Put up to ten events, repeatedly if need be. Return those that the bus did not take."""
    for _ in dynamodb.tries():
        batch = [entry for entry, code in zip(batch, _codes(batch), strict=True) if code]
        if not batch:
            break
    return batch


def _codes(batch: Sequence[Entry]) -> list[str]:
    """Put events once. Return the code of each one's failure, empty for what was taken."""
    try:
        answer = dynamodb.call_aws(client().put_events, Entries=list(batch))
    except (NoConnection, HTTPClientError):
        return [_NO_ANSWER] * len(batch)
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        if code not in _BUSY:
            raise
        return [code] * len(batch)
    codes = [result.get("ErrorCode", "") for result in answer["Entries"]]
    for code in filter(None, codes):
        meter.count_failure("PutEvents", code)
    return codes
