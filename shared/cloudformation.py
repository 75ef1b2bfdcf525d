"""Answers to CloudFormation, which asks a custom resource's function and waits at a URL.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html
"""

from collections.abc import Mapping
from typing import Any

import orjson
from urllib3 import PoolManager

_REPEATED = ("StackId", "RequestId", "LogicalResourceId")
_SECONDS = 10


def answer(event: Mapping[str, Any], problem: str) -> None:
    """Send SUCCESS, or FAILED with the problem, which fails the deployment."""
    body = {
        **{name: event[name] for name in _REPEATED},
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem,
    }
    # The URL is signed for a request without a type of content.
    PoolManager().request(
        "PUT",
        event["ResponseURL"],
        body=orjson.dumps(body),
        headers={"Content-Type": ""},
        timeout=_SECONDS,
    )
