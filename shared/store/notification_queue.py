"""The SQS queue between the changes that Subscriptions are told of and their deliverer."""

from collections.abc import Sequence

from shared.settings import settings
from shared.store import dynamodb, queues


def send(bodies: Sequence[str]) -> None:
    """Send messages. Raises dynamodb.Busy if the queue did not take all of them."""
    queues.send(settings().notification_queue_url, bodies)


def postpone(receipt_handle: str, seconds: int) -> None:
    """Let a received message, unless it is deleted, be received again after so many seconds."""
    dynamodb.call_aws(
        queues.client().change_message_visibility,
        QueueUrl=settings().notification_queue_url,
        ReceiptHandle=receipt_handle,
        VisibilityTimeout=seconds,
    )
