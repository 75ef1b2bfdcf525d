"""The stream of the audit trail: makes the rows by which searches find what is new in it."""

from base64 import b64decode
from typing import Any

from shared.interactions.audit_events import index
from shared.jobs import job


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Make the rows of each event that was put; the same events again make the same rows."""
    images = (record["dynamodb"].get("NewImage", {}) for record in event["Records"])
    put = [_plain(image) for image in images if "event" in image]
    return {"indexed": index(put)}


def _plain(image: dict[str, Any]) -> dict[str, Any]:
    """Give a stream's image as DynamoDB answers it: JSON has no bytes."""
    return image | {"event": {"B": b64decode(image["event"]["B"])}}
