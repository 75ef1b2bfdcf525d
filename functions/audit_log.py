"""The subscription of the requests' log: makes the audit trail's rows of what wrote none."""

import json
from base64 import b64decode
from gzip import decompress
from typing import Any

from shared.interactions.audit_events import keep
from shared.jobs import job


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Make rows of the lines; the same lines again make the same rows."""
    log = json.loads(decompress(b64decode(event["awslogs"]["data"])))
    return {"kept": keep(line["message"] for line in log["logEvents"])}
