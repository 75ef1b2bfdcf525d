"""The SQS queue between the closing schedule and its workers."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from shared.settings import settings
from shared.store import dynamodb

# SQS's own limit for SendMessageBatch.
MOST_MESSAGES = 10


@cache
def client() -> Any:
    """Return the SQS client."""
    return dynamodb.session().create_client("sqs", config=dynamodb.CONFIG)


def approximate_length() -> int:
    """Return about how many messages no worker has received yet."""
    name = "ApproximateNumberOfMessages"
    answer = dynamodb.call_aws(
        client().get_queue_attributes,
        QueueUrl=settings().closing_queue_url,
        AttributeNames=[name],
    )
    return int(answer["Attributes"][name])


def send(bodies: Sequence[str]) -> None:
    """Send messages. Raises dynamodb.Busy if the queue did not take all of them."""
    for start in range(0, len(bodies), MOST_MESSAGES):
        batch = bodies[start : start + MOST_MESSAGES]
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
        answer = dynamodb.call_aws(
            client().send_message_batch, QueueUrl=settings().closing_queue_url, Entries=entries
        )
        if answer.get("Failed"):
            raise dynamodb.Busy("The queue did not take all messages")
