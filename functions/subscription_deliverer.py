"""Deliverer of notifications to the endpoints of Subscriptions."""

from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared import failures
from shared.fhir import instants
from shared.http import batches
from shared.http.jobs import job
from shared.settings import settings
from shared.store import notification_queue
from shared.subscriptions import attempts, calling, delivery
from shared.subscriptions.calling import NotDelivered
from shared.subscriptions.notifications import Notification


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Deliver a batch of notifications, and return those that the queue must deliver again."""
    return batches.process(event, _deliver, "not delivered", _described)


def _deliver(record: SQSRecord) -> None:
    milliseconds = int(record.attributes.approximate_first_receive_timestamp)
    first_received = instants.from_nanoseconds(milliseconds * instants.MILLISECOND)
    send = partial(calling.send, allows_local=settings().allows_local_endpoints)
    try:
        delivery.deliver(Notification.loads(record.body), first_received, send)
    except Exception:
        notification_queue.postpone(record.receipt_handle, attempts.pause(_attempt(record)))
        raise


def _attempt(record: SQSRecord) -> int:
    return int(record.attributes.approximate_receive_count)


def _described(record: SQSRecord, error: Exception) -> dict[str, Any]:
    """Return what a log line says of a failure; what an endpoint did is said by its text."""
    why = {"problem": str(error)} if isinstance(error, NotDelivered) else failures.log_fields(error)
    notification = Notification.loads(record.body)
    return {"subscription": notification.subscription, "attempt": _attempt(record), **why}
