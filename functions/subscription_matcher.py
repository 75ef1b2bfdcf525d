"""Finder of the Subscriptions that changes concern: puts what to tell them on their queue."""

from itertools import batched
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared import failures
from shared.http.jobs import job
from shared.store import notification_queue
from shared.subscriptions.matching import Matcher, changes

# As the closing worker's: a message that fails is delivered again, and no other with it.
logger = Logger()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
matcher = Matcher()
# What was found is sent while the rest is looked for, so that little of it is kept in memory, and
# much of it told if this invocation ends too early.
MOST_AT_ONCE = 100


@job
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Match the changes of a batch of messages, and return those to be delivered again."""
    matcher.forget_callers()
    return {**process_partial_response(event, _match, processor, context)}


def _match(record: SQSRecord) -> None:
    written = (one for part in record.json_body["transactions"] for one in changes(part))
    try:
        found = (one.dumps() for change in written for one in matcher.notifications(change))
        for chunk in batched(found, MOST_AT_ONCE, strict=False):
            notification_queue.send(chunk)
    except Exception as error:
        # The processor logs no failure.
        logger.error("not matched", extra=failures.log_fields(error))  # noqa: TRY400 - its text could quote a resource
        raise
