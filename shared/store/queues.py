"""The SQS queues of the deployment, each named by its URL."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from shared.store import dynamodb

# SQS's own limit for SendMessageBatch.
MOST_MESSAGES = 10


@cache
def client() -> Any:
    """Return the SQS client."""
    return dynamodb.session().create_client("sqs", config=dynamodb.CONFIG)


def approximate_length(url: str) -> int:
    """Return about how many messages of a queue nobody has received yet."""
    name = "ApproximateNumberOfMessages"
    answer = dynamodb.call_aws(client().get_queue_attributes, QueueUrl=url, AttributeNames=[name])
    return int(answer["Attributes"][name])


def send(url: str, bodies: Sequence[str]) -> None:
    """Send messages, of which ten together have at most 1 MB.

    Raises dynamodb.Busy if the queue did not take all of them; it may have taken some.
    """
    for start in range(0, len(bodies), MOST_MESSAGES):
        batch = bodies[start : start + MOST_MESSAGES]
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(batch)]
        answer = dynamodb.call_aws(client().send_message_batch, QueueUrl=url, Entries=entries)
        if answer.get("Failed"):
            raise dynamodb.Busy("The queue did not take all messages")
