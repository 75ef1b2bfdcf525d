"""The subscription of the requests' log: stores events of what wrote none in the audit trail."""

import json
from base64 import b64decode
from gzip import decompress
from typing import Any

from shared.interactions.audit_archiving import keep
from shared.jobs import job


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Store the events that lines tell of; the same lines again change nothing."""
    log = json.loads(decompress(b64decode(event["awslogs"]["data"])))
    return {"kept": keep(line["message"] for line in log["logEvents"])}
