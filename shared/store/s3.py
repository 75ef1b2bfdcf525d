"""The S3 client, and its calls with their failures as this service's errors.

https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnection

from shared.store import dynamodb
from shared.store.dynamodb import Busy

# Longer time-outs than for DynamoDB, because an object may have megabytes. URLs are presigned for
# objects under a KMS key, which takes signatures of version 4 only.
_CONFIG = dynamodb.CONFIG.merge(
    Config(
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 3},
        response_checksum_validation="when_required",
        signature_version="s3v4",
    )
)
_BUSY = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"})


@cache
def client() -> Any:
    """Return the S3 client, made at first use because few functions need it."""
    return dynamodb.session().create_client("s3", config=_CONFIG)


def get_object(**request: Any) -> bytes:
    """Return the content of an object; reading its stream may fail like the call itself."""
    content: bytes = client().get_object(**request)["Body"].read()
    return content


def call[T](what: str, make: Callable[..., T], **request: Any) -> T:
    """Make a call. Raises Busy, which names `what` S3 has, if S3 throttles or cannot be reached."""
    try:
        return dynamodb.call_aws(make, **request)
    except (NoConnection, HTTPClientError):
        raise Busy(f"{what} does not answer; try again later") from None
    except ClientError as error:
        if error.response["Error"]["Code"] in _BUSY:
            raise Busy(f"{what} is busy; try again later") from None
        raise
