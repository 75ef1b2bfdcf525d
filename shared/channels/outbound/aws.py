"""Calls of AWS that send a message, each made once: what fails may have been done.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
)
from botocore.exceptions import ConnectionError as BrokenConnection

from shared.channels.outbound.message import NotSent, OutcomeUnknown, Refused
from shared.store import dynamodb

# Not made again by botocore, which does not know whether a message was sent.
CONFIG = dynamodb.CONFIG.merge(
    Config(
        connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1}
    )
)
# Without a connection nothing was asked for. Other errors of one, such as of TLS, may come later.
_NOT_CONNECTED = (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError)
# What passes by itself or by what an administrator does: limits, and rights.
_LATER = frozenset(
    {
        *("AccessDeniedException", "AccountSuspendedException", "ExpiredTokenException"),
        *("LimitExceededException", "SendingPausedException", "ServiceQuotaExceededException"),
        *("ThrottlingException", "TooManyRequestsException", "UnrecognizedClientException"),
    }
)
_LATER_STATUSES = frozenset(
    {
        *(HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN),
        *(HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE),
    }
)


def send(call: Callable[..., Any], explain: Callable[[str, str], Refused], **request: Any) -> str:
    """Make a call that sends a message, and return AWS's id of the message.

    `explain` makes an error of the code and the reason of a refusal. Raises that, NotSent and
    OutcomeUnknown.
    """
    try:
        return str(dynamodb.call_aws(call, **request)["MessageId"])
    except _NOT_CONNECTED:
        raise NotSent("AWS cannot be reached") from None
    except (BrokenConnection, HTTPClientError):
        raise OutcomeUnknown from None
    except ClientError as error:
        raise _problem(error, explain) from None


def _problem(error: ClientError, explain: Callable[[str, str], Refused]) -> Exception:
    code = error.response["Error"]["Code"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code in _LATER or status in _LATER_STATUSES:
        return NotSent(f"AWS answered {code}")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return OutcomeUnknown()
    return explain(code, str(error.response.get("Reason", "")))
