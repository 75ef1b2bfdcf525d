"""The queue's worker: closes the sessions that are due, or says when to look at them again."""

from typing import Any

from shared.interactions.due_messages import look_at
from shared.jobs import job

# One look takes at most as long as a busy database is waited for.
LONGEST_LOOK_MS = 20_000


@job
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Look at the Encounters of every message; name the messages to be tried again."""
    failed = look_at(
        event["Records"], lambda: context.get_remaining_time_in_millis() > LONGEST_LOOK_MS
    )
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
