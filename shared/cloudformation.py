"""The response of a custom resource's function, which CloudFormation expects at a signed URL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html
"""

from collections.abc import Mapping
from typing import Any

import orjson
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

_ECHOED = ("StackId", "RequestId", "LogicalResourceId")
_TIMEOUT_SECONDS = 10
_TAKEN = range(200, 300)


class NotAnswered(Exception):
    """CloudFormation did not take the answer, by the status or the kind of error that is named."""


def answer(event: Mapping[str, Any], problem: str) -> None:
    """Send SUCCESS, or FAILED with the problem as its reason: FAILED fails the deployment.

    Raises NotAnswered.
    """
    body = {
        **{name: event[name] for name in _ECHOED},
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem,
    }
    try:
        # The URL is signed for a request with an empty Content-Type.
        answered = PoolManager().request(
            "PUT",
            event["ResponseURL"],
            body=orjson.dumps(body),
            headers={"Content-Type": ""},
            timeout=_TIMEOUT_SECONDS,
        )
    except HTTPError as error:  # whose text has the URL, and with it its signature
        raise NotAnswered(type(error).__name__) from None
    if answered.status not in _TAKEN:
        raise NotAnswered(str(answered.status))
