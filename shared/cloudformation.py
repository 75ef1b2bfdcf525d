"""The response of a custom resource's function, which CloudFormation expects at a signed URL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html
"""

from collections.abc import Mapping
from typing import Any

import orjson
from urllib3 import PoolManager

_ECHOED = ("StackId", "RequestId", "LogicalResourceId")
_TIMEOUT_SECONDS = 10


def answer(event: Mapping[str, Any], problem: str) -> None:
    """Send SUCCESS, or FAILED with the problem as its reason: FAILED fails the deployment."""
    body = {
        **{name: event[name] for name in _ECHOED},
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem,
    }
    # The URL is signed for a request with an empty Content-Type.
    PoolManager().request(
        "PUT",
        event["ResponseURL"],
        body=orjson.dumps(body),
        headers={"Content-Type": ""},
        timeout=_TIMEOUT_SECONDS,
    )
