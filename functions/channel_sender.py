"""Sender of messages by the providers of channels."""

from datetime import timedelta
from math import ceil
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.channels.outbound import sending
from shared.channels.outbound.orders import Order
from shared.channels.outbound.unsent import Postponed
from shared.fhir import instants
from shared.http import batches
from shared.http.jobs import job
from shared.store import channel_queues

# SQS allows twelve hours. What is to wait for longer is looked at, and postponed, once more.
LONGEST_PAUSE = timedelta(hours=11)


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Send a batch of messages, and return those that the queue must deliver again."""
    return batches.process(event, _send, "not sent", expected=Postponed)


def _send(record: SQSRecord) -> None:
    try:
        sending.send(Order.loads(record.body))
    except Postponed as later:
        pause = min(max(later.until - instants.now(), timedelta(seconds=1)), LONGEST_PAUSE)
        channel_queues.postpone_outbound(record.receipt_handle, ceil(pause.total_seconds()))
        raise
