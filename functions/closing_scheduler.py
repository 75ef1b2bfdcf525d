"""The schedule: hands the Encounters that are due to the workers."""

from typing import Any

from shared import instants
from shared.interactions.due_messages import send_due
from shared.jobs import job


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Send what is due at the event's time, by which a replay may be early or late."""
    return {"sent": send_due(instants.read(event["time"]))}
