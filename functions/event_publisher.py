"""Publisher of events: puts what the queue of events has on the event bus."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared import failures
from shared.events.publishing import publish
from shared.http.jobs import job

# As the closing worker's: a message that fails is delivered again, and no other with it.
logger = Logger()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@job
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publish a batch of messages, and return those that the queue must deliver again."""
    return {**process_partial_response(event, _publish, processor, context)}


def _publish(record: SQSRecord) -> None:
    try:
        publish(record.json_body)
    except Exception as error:
        # The processor logs no failure.
        logger.error("not published", extra=failures.log_fields(error))  # noqa: TRY400 - its text could quote the message
        raise
