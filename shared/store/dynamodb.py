"""The DynamoDB client and every call except transactions. Reads are strongly consistent."""

import gzip
import logging
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import orjson
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.loaders import JSONFileLoader

from shared import deadlines
from shared.catalog import access_patterns as patterns
from shared.errors import Transient
from shared.settings import settings
from shared.store import meter, protocol
from shared.store.items import Item, key_attributes
from shared.store.keys import Address

type Key = tuple[str, str]

# At DEBUG these libraries log whole requests and responses.
for _name in ("botocore", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# Short attempts, because a function has 28 seconds. Keep-alive saves a handshake a request.
CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
    max_pool_connections=10,
    # Requests are well-formed: validating them took a seventh of a call's CPU. Building botocore's
    # user agent, which is the same for each call, took an eighth.
    parameter_validation=False,
    user_agent="async-encounters",
)
# DynamoDB's own limit for BatchGetItem.
LARGEST_BATCH_GET = 100
# Shorter than a change's, each of whose attempts makes several calls.
CALL_PATIENCE_SECONDS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.8
# Error codes of a throttled or conflicting call, and of one operation of a transaction.
BUSY_CODES = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
    }
)
# Error codes after which a write may or may not have happened. What does not come from DynamoDB
# itself has its HTTP status as its code.
UNKNOWN_OUTCOME_CODES = frozenset(
    {"InternalServerError", "ServiceUnavailable", "TransactionInProgressException"}
    | {"500", "502", "503", "504"}
)


class Busy(Transient):
    """The service was throttled or could not be reached; the call had no effect."""


class ModelFiles(JSONFileLoader):
    """Reads botocore's models of AWS, with orjson: parsing them was a sixth of a cold start."""

    def load_file(self, file_path: str) -> Any:
        """Return the content of a file, whose path is without its ending, or None."""
        if (plain := Path(f"{file_path}.json")).is_file():
            return orjson.loads(plain.read_bytes())
        if (packed := Path(f"{file_path}.json.gz")).is_file():
            return orjson.loads(gzip.decompress(packed.read_bytes()))
        return None


@cache
def session() -> Any:
    """Return a botocore session: unlike boto3's, it does not import s3transfer."""
    shared_session = botocore.session.Session()
    shared_session.get_component("data_loader").file_loader = ModelFiles()
    protocol.use(shared_session)
    return shared_session


@cache
def client() -> Any:
    """Return the DynamoDB client."""
    new_client = session().create_client("dynamodb", config=CONFIG)
    meter.count_calls(new_client)
    return new_client


def _renew() -> None:
    """Drop what restored copies of a snapshot must not share: connections, and the random seed."""
    client().close()
    random.seed()


# On Lambda the client is made while a function starts, so that a snapshot contains it.
_START = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
if _START:
    client()
if _START == "snap-start":
    from snapshot_restore_py import register_after_restore

    register_after_restore(_renew)


@cache
def table_name(table: str) -> str:
    """Return the deployed name of a table of the catalogue."""
    names = settings()
    return {
        patterns.ENCOUNTER: names.encounter_table,
        patterns.THREAD: names.thread_table,
        patterns.RESOURCE: names.resource_table,
        patterns.SEARCH: names.search_table,
        patterns.AUDIT: names.audit_table,
    }[table]


def tries() -> Iterator[None]:
    """Yield once for each attempt until time runs out, pausing with full jitter in between.

    Raises Transient if the function's time is over before the first attempt.
    """
    deadlines.check()
    deadline = min(time.monotonic() + CALL_PATIENCE_SECONDS, deadlines.current())
    longest_pause = _FIRST_PAUSE
    yield
    while time.monotonic() < deadline:
        time.sleep(random.uniform(0, longest_pause))  # noqa: S311 - jitter needs no secrecy
        longest_pause = min(2 * longest_pause, _LONGEST_PAUSE)
        yield


def call_aws[T](call: Callable[..., T], **request: Any) -> T:
    """Make a call of AWS, whichever service's, and raise what it raises.

    Every call goes through here, so that the log has the operation and code of each that fails.
    What AWS says in words, and what the call was given, may hold keys and items: neither is logged.
    """
    try:
        return call(**request)
    except ClientError as error:
        for code in _codes(error):
            meter.count_failure(error.operation_name, code)
        raise
    except BotoCoreError as error:
        # A method of a client is named like its operation: get_item is GetItem.
        operation = getattr(call, "__name__", "").title().replace("_", "")
        meter.count_failure(operation, type(error).__name__)
        raise


def _codes(error: ClientError) -> set[str]:
    """Return the codes of an error; a cancelled transaction has one for each item that failed."""
    reasons = error.response.get("CancellationReasons", ())
    codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
    return codes or {error.response["Error"]["Code"]}


def _call(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """Make an idempotent call, with retries. Raises Busy."""
    problem = ""
    meter.count_access()
    for _ in tries():
        try:
            answer: dict[str, Any] = call_aws(call, **request)
        except (NoConnection, HTTPClientError):
            problem = "The database does not answer; try again later"
        except ClientError as error:
            if error.response["Error"]["Code"] not in BUSY_CODES | UNKNOWN_OUTCOME_CODES:
                raise
            problem = "The database is busy; try again later"
        else:
            return answer
    raise Busy(problem)


def get(address: Address) -> Item | None:
    """Return an item, or None if there is none."""
    answer = _call(
        client().get_item,
        TableName=table_name(address.table),
        Key=key_attributes(*address.key),
        ConsistentRead=True,
    )
    item: Item | None = answer.get("Item")
    return item


def query(
    table: str,
    partition: str,
    between: tuple[str, str],
    *,
    forward: bool = True,
    limit: int | None = None,
    after: str | None = None,
) -> tuple[list[Item], str | None]:
    """Read one page of a partition's items whose sort keys are in a range, both ends included.

    `after` is the sort key that the previous page ended with. Return the items, and the sort key to
    go on after, which is None at the end of the range. A page ends at `limit` items or 1 MB.
    """
    request: dict[str, Any] = {
        "TableName": table_name(table),
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :low AND :high",
        "ExpressionAttributeValues": {
            ":pk": {"S": partition},
            ":low": {"S": between[0]},
            ":high": {"S": between[1]},
        },
        "ScanIndexForward": forward,
        "ConsistentRead": True,
    }
    if limit is not None:
        request["Limit"] = limit
    if after is not None:
        request["ExclusiveStartKey"] = key_attributes(partition, after)
    answer = _call(client().query, **request)
    last = answer.get("LastEvaluatedKey")
    return answer["Items"], last["sk"]["S"] if last else None


def query_all(
    table: str, partition: str, between: tuple[str, str], *, forward: bool = True
) -> Iterable[Item]:
    """Yield every item of a partition in a range of sort keys, page by page."""
    after: str | None = None
    while True:
        items, after = query(table, partition, between, forward=forward, after=after)
        yield from items
        if after is None:
            return


def scan(
    table: str, part: tuple[int, int], *, limit: int, after: Key | None = None
) -> tuple[list[Item], Key | None]:
    """Read one page of a segment of a table, like `query`.

    `part` is the segment's number and the total of segments.
    """
    request: dict[str, Any] = {
        "TableName": table_name(table),
        "Segment": part[0],
        "TotalSegments": part[1],
        "Limit": limit,
        "ConsistentRead": True,
    }
    if after is not None:
        request["ExclusiveStartKey"] = key_attributes(*after)
    answer = _call(client().scan, **request)
    last = answer.get("LastEvaluatedKey")
    return answer["Items"], (last["pk"]["S"], last["sk"]["S"]) if last else None


def batch_get(table: str, keys: Sequence[Key]) -> Iterable[Item]:
    """Yield many items, in no order. Keys without an item are left out. Raises Busy."""
    for start in range(0, len(keys), LARGEST_BATCH_GET):
        requested: dict[str, Any] = {
            table_name(table): {
                "Keys": [key_attributes(*key) for key in keys[start : start + LARGEST_BATCH_GET]],
                "ConsistentRead": True,
            }
        }
        for _ in tries():
            answer = _call(client().batch_get_item, RequestItems=requested)
            yield from answer["Responses"].get(table_name(table), ())
            requested = answer["UnprocessedKeys"]
            if not requested:
                break
        else:
            raise Busy("The database is busy; try again later")


def batch_put(table: str, items: Sequence[Item]) -> None:
    """Store at most 25 items, in no order. Raises Busy; some of them may be stored then."""
    requested: dict[str, Any] = {
        table_name(table): [{"PutRequest": {"Item": item}} for item in items],
    }
    for _ in tries():
        answer = _call(client().batch_write_item, RequestItems=requested)
        requested = answer["UnprocessedItems"]
        if not requested:
            return
    raise Busy("The database is busy; try again later")
