"""The stream of the audit trail: brings what is new in it into the archive and its index."""

from base64 import b64decode
from typing import Any

from shared.interactions.audit_archiving import index
from shared.jobs import job

# What a row has of a write's event, or of new events.
_EVENTS = {"event", "events"}


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Bring on what was put; the same again changes nothing."""
    images = (record["dynamodb"].get("NewImage", {}) for record in event["Records"])
    put = [_plain(image) for image in images if _EVENTS & image.keys()]
    return {"indexed": index(put)}


def _plain(image: dict[str, Any]) -> dict[str, Any]:
    """Return a stream's image as DynamoDB answers it: JSON has no bytes."""
    return image | {name: {"B": b64decode(image[name]["B"])} for name in _EVENTS & image.keys()}
