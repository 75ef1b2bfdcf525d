"""The S3 client of the audit archive: store an object, read a part of one.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from shared.settings import settings
from shared.store import dynamodb
from shared.store.dynamodb import Busy

# Longer time-outs than for DynamoDB, because an object may have megabytes.
_CONFIG = dynamodb.CONFIG.merge(
    Config(
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 3},
        response_checksum_validation="when_required",
    )
)
_BUSY = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"})


@cache
def client() -> Any:
    """Return the S3 client, made at first use because few functions need it."""
    return dynamodb.session().create_client("s3", config=_CONFIG)


def put(key: str, body: bytes) -> None:
    """Store an object. Raises Busy if S3 throttles or cannot be reached."""
    _call(client().put_object, Key=key, Body=body, ContentType="application/gzip")


def get_range(key: str, offset: int, length: int) -> bytes:
    """Return up to `length` bytes of an object, beginning at `offset`.

    Raises Busy if S3 throttles or cannot be reached.
    """
    return _call(get_object, Key=key, Range=f"bytes={offset}-{offset + length - 1}")


def get_object(**request: Any) -> bytes:
    """Return the content of an object; reading its stream may fail like the call itself."""
    content: bytes = client().get_object(**request)["Body"].read()
    return content


def get_whole(key: str) -> bytes:
    """Return an object. Raises Busy."""
    return _call(get_object, Key=key)


def _call[T](call: Callable[..., T], **request: Any) -> T:
    try:
        return dynamodb.call_aws(call, Bucket=settings().audit_archive, **request)
    except (NoConnection, HTTPClientError):
        raise Busy("The audit archive does not answer; try again later") from None
    except ClientError as error:
        if error.response["Error"]["Code"] in _BUSY:
            raise Busy("The audit archive is busy; try again later") from None
        raise
