"""Receiver of what providers say: messages that came in, and what became of those sent."""

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.channels.inbound import deliveries
from shared.errors import Throttled
from shared.http import batches
from shared.http.jobs import job
from shared.store import channel_queues


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Process a batch of deliveries, and return those that the queue must deliver again."""
    return batches.process(event, _receive, "not received", expected=Throttled)


def _receive(record: SQSRecord) -> None:
    attempt = int(record.attributes.approximate_receive_count)
    try:
        deliveries.process(record.json_body, attempt)
    except Throttled as error:
        if attempt >= deliveries.MOST_ATTEMPTS:
            # It begins anew, because the queue would give up what is only too much.
            channel_queues.send_inbound([record.body])
            return
        channel_queues.postpone_inbound(record.receipt_handle, error.retry_after)
        raise
    except Exception:
        channel_queues.postpone_inbound(record.receipt_handle, deliveries.pause(attempt))
        raise
