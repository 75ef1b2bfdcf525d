"""Worker of the closing queue: closes due sessions, or sets when they are due again."""

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.http import batches
from shared.http.jobs import job
from shared.sessions.due_queue import process_message

# A worker starts on an Encounter only with this much time left: retries against a busy database
# make one take at most so long.
LONGEST_LOOK_MS = 20_000


@job
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Process a batch of messages, and return those that the queue must deliver again."""

    def process_one(record: SQSRecord) -> None:
        process_message(
            record.json_body, lambda: context.get_remaining_time_in_millis() > LONGEST_LOOK_MS
        )

    return batches.process(event, process_one, "not all looked at")
