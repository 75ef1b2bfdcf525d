"""Deliverer of notifications to the endpoints of Subscriptions."""

from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared import failures
from shared.fhir import instants
from shared.http.jobs import job
from shared.settings import settings
from shared.store import notification_queue
from shared.subscriptions import attempts, calling, delivery
from shared.subscriptions.calling import NotDelivered
from shared.subscriptions.notifications import Notification

logger = Logger()
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@job
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deliver a batch of notifications, and return those that the queue must deliver again."""
    return {**process_partial_response(event, _deliver, processor, context)}


def _deliver(record: SQSRecord) -> None:
    notification = Notification.loads(record.body)
    attempt = int(record.attributes.approximate_receive_count)
    milliseconds = int(record.attributes.approximate_first_receive_timestamp)
    first_received = instants.from_nanoseconds(milliseconds * instants.MILLISECOND)
    send = partial(calling.send, allows_local=settings().allows_local_endpoints)
    try:
        delivery.deliver(notification, first_received, send)
    except Exception as error:
        problem = str(error) if isinstance(error, NotDelivered) else ""
        fields = {"subscription": notification.subscription, "attempt": attempt}
        described = {"problem": problem} if problem else failures.log_fields(error)
        logger.error("not delivered", extra=fields | described)  # noqa: TRY400 - its text could quote a resource
        notification_queue.postpone(record.receipt_handle, attempts.pause(attempt))
        raise
