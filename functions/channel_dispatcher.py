"""Finder of the messages that changes ask to be sent: puts them on the queue of the sender."""

from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.channels.outbound import dispatching
from shared.http import batches
from shared.http.jobs import job
from shared.store import channel_queues


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Look through the changes of a batch of messages, and return those to be delivered again."""
    return batches.process(event, _dispatch, "not dispatched")


def _dispatch(record: SQSRecord) -> None:
    found = [order.dumps() for order in dispatching.orders(record.json_body["transactions"])]
    channel_queues.send_outbound(found)
