"""The processing of batches of messages from a queue, each message by itself."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared import failures

type Fields = dict[str, Any]

logger = Logger()


def _described(_record: SQSRecord, error: Exception) -> Fields:
    return failures.log_fields(error)


def process(
    event: dict[str, Any],
    each: Callable[[SQSRecord], None],
    failure: str,
    describe: Callable[[SQSRecord, Exception], Fields] = _described,
    expected: type[Exception] | None = None,
) -> dict[str, Any]:
    """Process the messages of a batch, and return those that the queue must deliver again.

    One that fails is logged with the text `failure` and with what `describe` says of it, which by
    default has no text of the error: that could quote a resource. An error that is `expected` only
    leaves its message in the queue.
    """

    def process_one(record: SQSRecord) -> None:
        try:
            each(record)
        except Exception as error:
            # The processor logs no failure.
            if not (expected and isinstance(error, expected)):
                logger.error(failure, extra=describe(record, error))  # noqa: TRY400 - see above
            raise

    # A batch of which every message fails is no error of the function: the queue delivers it again.
    # A processor holds the batch that it works on, so each call has its own.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    return {**process_partial_response(event, process_one, processor)}
