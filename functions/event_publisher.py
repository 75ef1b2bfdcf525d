"""Publisher of events: puts what the queue of events has on the event bus."""

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.events.publishing import publish
from shared.http import batches
from shared.http.jobs import job


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Publish a batch of messages, and return those that the queue must deliver again."""
    return batches.process(event, _publish, "not published")


def _publish(record: SQSRecord) -> None:
    publish(record.json_body)
