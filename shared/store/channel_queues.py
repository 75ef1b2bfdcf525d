"""The SQS queues of channels: what came in, what changed, and what is to be sent."""

from collections.abc import Sequence

from shared.settings import settings
from shared.store import dynamodb, queues


def send_inbound(bodies: Sequence[str]) -> None:
    """Queue what came in. Raises dynamodb.Busy if the queue did not take all of it."""
    queues.send(settings().inbound_queue_url, bodies)


def send_outbound(bodies: Sequence[str]) -> None:
    """Queue messages to be sent. Raises dynamodb.Busy if the queue did not take all of them."""
    queues.send(settings().outbound_queue_url, bodies)


def postpone_inbound(receipt_handle: str, seconds: int) -> None:
    """Let what was received be received again after so many seconds, 12 hours at most."""
    _postpone(settings().inbound_queue_url, receipt_handle, seconds)


def postpone_outbound(receipt_handle: str, seconds: int) -> None:
    """Let a received message be received again after so many seconds, 12 hours at most."""
    _postpone(settings().outbound_queue_url, receipt_handle, seconds)


def _postpone(url: str, receipt_handle: str, seconds: int) -> None:
    dynamodb.call_aws(
        queues.client().change_message_visibility,
        QueueUrl=url,
        ReceiptHandle=receipt_handle,
        VisibilityTimeout=seconds,
    )
