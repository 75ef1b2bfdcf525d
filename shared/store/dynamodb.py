"""The calls of DynamoDB that this service makes beside transactions; reads are consistent."""

import logging
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from shared import deadlines
from shared.catalog import access_patterns as patterns
from shared.errors import Transient
from shared.settings import settings
from shared.store import meter
from shared.store.items import Item

type Key = tuple[str, str]

# At DEBUG these write whole requests and answers into the log.
for _name in ("botocore", "urllib3"):
    logging.getLogger(_name).setLevel(logging.WARNING)

# Short attempts within a function's 28 seconds; keep-alive saves a handshake a request.
CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    tcp_keepalive=True,
    max_pool_connections=10,
    # What this service asks is well-formed; checking it again took a seventh of a call's CPU, and
    # putting together botocore's own name, the same for each call, an eighth.
    parameter_validation=False,
    user_agent="async-encounters",
    account_id_endpoint_mode="disabled",
)
LARGEST_BATCH_GET = 100
# Within the patience of a change, whose attempts each read.
CALL_PATIENCE_SECONDS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.8
# What DynamoDB says, of a call or of an item of a transaction, when it has too much to do.
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
UNKNOWN_OUTCOME_CODES = frozenset(
    {"InternalServerError", "ServiceUnavailable", "TransactionInProgressException"}
)


class Busy(Transient):
    """DynamoDB has too much to do, or cannot be reached: what was asked did not happen."""


@cache
def session() -> Any:
    """Give botocore's own session, which spares boto3's import of S3 transfers."""
    made = botocore.session.Session()
    # For endpoints of an account's own, which are off, every call would be searched for ARNs.
    model = made.get_component("data_loader").load_service_model(
        "dynamodb", "service-2", api_version=None
    )
    for operation in model["operations"].values():
        operation.pop("operationContextParams", None)
    return made


@cache
def client() -> Any:
    """Give the DynamoDB client."""
    made = session().create_client("dynamodb", config=CONFIG)
    meter.attach(made)
    return made


def _renew() -> None:
    """Drop what copies of one snapshot must not share: connections, and the order of jitter."""
    client().close()
    random.seed()


# On Lambda the client is made while a function starts: a snapshot then has it.
_START = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
if _START:
    client()
if _START == "snap-start":
    from snapshot_restore_py import register_after_restore

    register_after_restore(_renew)


@cache
def table_name(table: str) -> str:
    """Give the deployed name of a table of the catalogue."""
    names = settings()
    return {
        patterns.ENCOUNTER: names.encounter_table,
        patterns.THREAD: names.thread_table,
        patterns.RESOURCE: names.resource_table,
        patterns.SEARCH: names.search_table,
        patterns.AUDIT: names.audit_table,
    }[table]


def _key(key: Key) -> Item:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _tries() -> Iterator[None]:
    """Yield tries until patience is at its end, with full jitter between them.

    Raises Transient if the function's time is over before the first.
    """
    deadlines.check()
    deadline = min(time.monotonic() + CALL_PATIENCE_SECONDS, deadlines.end())
    longest = _FIRST_PAUSE
    yield
    while time.monotonic() < deadline:
        time.sleep(random.uniform(0, longest))  # noqa: S311 - jitter needs no secrecy
        longest = min(2 * longest, _LONGEST_PAUSE)
        yield


def make[T](call: Callable[..., T], **request: Any) -> T:
    """Make a call of AWS, whichever service's, and raise what it raises.

    Every call goes through here, so that the log has the operation and code of each that fails.
    What AWS says in words, and what the call was given, may hold keys and items: neither is logged.
    """
    try:
        return call(**request)
    except ClientError as error:
        for code in _codes(error):
            meter.fail(error.operation_name, code)
        raise
    except BotoCoreError as error:
        # A method of a client is named like its operation: get_item is GetItem.
        operation = getattr(call, "__name__", "").title().replace("_", "")
        meter.fail(operation, type(error).__name__)
        raise


def _codes(error: ClientError) -> set[str]:
    """Return the codes of an error; a cancelled transaction has one for each item that failed."""
    reasons = error.response.get("CancellationReasons", ())
    codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
    return codes or {error.response["Error"]["Code"]}


def _call(call: Callable[..., Any], **request: Any) -> dict[str, Any]:
    """Make a call that may be made again. Raises Busy."""
    problem = ""
    meter.count_access()
    for _ in _tries():
        try:
            answer: dict[str, Any] = make(call, **request)
        except (NoConnection, HTTPClientError):
            problem = "The database does not answer"
        except ClientError as error:
            if error.response["Error"]["Code"] not in BUSY_CODES | UNKNOWN_OUTCOME_CODES:
                raise
            problem = "The database is busy"
        else:
            return answer
    raise Busy(problem)


def get(table: str, key: Key) -> Item | None:
    """Read one item."""
    answer = _call(
        client().get_item, TableName=table_name(table), Key=_key(key), ConsistentRead=True
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
    """Read one page of a partition's items whose sort key lies between two, both included.

    `after` is the sort key the last page ended with. Gives the items and that sort key, or None
    where the range is read to its end. A page ends at `limit` items or 1 MB.
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
        request["ExclusiveStartKey"] = _key((partition, after))
    answer = _call(client().query, **request)
    last = answer.get("LastEvaluatedKey")
    return answer["Items"], last["sk"]["S"] if last else None


def query_all(
    table: str, partition: str, between: tuple[str, str], *, forward: bool = True
) -> Iterable[Item]:
    """Read every item of a partition between two sort keys, in order or the other way round."""
    after: str | None = None
    while True:
        items, after = query(table, partition, between, forward=forward, after=after)
        yield from items
        if after is None:
            return


def scan(
    table: str, part: tuple[int, int], *, limit: int, after: Key | None = None
) -> tuple[list[Item], Key | None]:
    """Read one page of a part of a whole table: number and of how many; as `query` otherwise."""
    request: dict[str, Any] = {
        "TableName": table_name(table),
        "Segment": part[0],
        "TotalSegments": part[1],
        "Limit": limit,
        "ConsistentRead": True,
    }
    if after is not None:
        request["ExclusiveStartKey"] = _key(after)
    answer = _call(client().scan, **request)
    last = answer.get("LastEvaluatedKey")
    return answer["Items"], (last["pk"]["S"], last["sk"]["S"]) if last else None


def batch_get(table: str, keys: Sequence[Key]) -> Iterable[Item]:
    """Read many items, in no order; what is not there is left out."""
    for start in range(0, len(keys), LARGEST_BATCH_GET):
        asked: dict[str, Any] = {
            table_name(table): {
                "Keys": [_key(key) for key in keys[start : start + LARGEST_BATCH_GET]],
                "ConsistentRead": True,
            }
        }
        for _ in _tries():
            answer = _call(client().batch_get_item, RequestItems=asked)
            yield from answer["Responses"].get(table_name(table), ())
            asked = answer["UnprocessedKeys"]
            if not asked:
                break
        else:
            raise Busy("The database is busy")


def batch_put(table: str, items: Sequence[Item]) -> None:
    """Put at most 25 items, in no order. Raises Busy, also where some are left for too long."""
    asked: dict[str, Any] = {
        table_name(table): [{"PutRequest": {"Item": item}} for item in items],
    }
    for _ in _tries():
        answer = _call(client().batch_write_item, RequestItems=asked)
        asked = answer["UnprocessedItems"]
        if not asked:
            return
    raise Busy("The database is busy")
