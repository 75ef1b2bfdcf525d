"""Target of the closing schedule: sends due Encounters to the workers' queue."""

from typing import Any

from shared.fhir import instants
from shared.http.jobs import job
from shared.sessions.due_queue import send_due_encounters


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Send the Encounters that are due at the event's time, so that runs can be replayed."""
    return {"sent": send_due_encounters(instants.from_text(event["time"]))}
