"""Subscriber of the request log: stores audit events of requests that have written none."""

import json
from base64 import b64decode
from gzip import decompress
from typing import Any

from shared.http.jobs import job
from shared.interactions.admin.audit_archiving import store_logged_events


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Store the events of a batch of log lines. Repeating a batch changes nothing."""
    log = json.loads(decompress(b64decode(event["awslogs"]["data"])))
    return {"kept": store_logged_events(line["message"] for line in log["logEvents"])}
