"""Consumer of the audit table's stream: archives and indexes new events."""

from base64 import b64decode
from typing import Any

from shared.http.jobs import job
from shared.interactions.admin.audit_archiving import process_stream_rows

# Attributes of an item that hold a write's event, or several new events.
_EVENTS = {"event", "events"}


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Index the events in a batch of the stream. Repeating a batch changes nothing."""
    images = (record["dynamodb"].get("NewImage", {}) for record in event["Records"])
    items = [_item(image) for image in images if _EVENTS & image.keys()]
    return {"indexed": process_stream_rows(items)}


def _item(image: dict[str, Any]) -> dict[str, Any]:
    """Return a stream's image as DynamoDB returns an item, with bytes instead of base64."""
    return image | {name: {"B": b64decode(image[name]["B"])} for name in _EVENTS & image.keys()}
