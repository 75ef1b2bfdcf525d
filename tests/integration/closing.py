"""The schedule, its queue and its workers in this process, as Lambda and SQS would run them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from functions import closing_scheduler, closing_worker
from shared.local.schedule import event

TRIES = 5
# More than any test sends.
_ROUNDS = 100


@dataclass
class Rounds:
    """A closing queue with its dead letters. `milliseconds` is the time that a worker has left."""

    sqs: Any
    url: str
    dead_url: str
    milliseconds: int = 60_000

    def schedule(self, moment: datetime) -> int:
        """Run the schedule as of an instant. Return how many Encounters it sent."""
        sent: int = closing_scheduler.handler(event(moment + timedelta(seconds=1)), None)["sent"]
        return sent

    def receive(self) -> list[dict[str, Any]]:
        """Receive messages as a worker's event source does."""
        answer = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=4)
        return [
            {
                "messageId": message["MessageId"],
                "body": message["Body"],
                "handle": message["ReceiptHandle"],
            }
            for message in answer.get("Messages", ())
        ]

    def handle(self, records: list[dict[str, Any]]) -> list[str]:
        """Pass messages to a worker. Return the ids of those that failed."""
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: self.milliseconds)
        answer = closing_worker.handler({"Records": records}, context)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def work(self, records: list[dict[str, Any]]) -> list[str]:
        """Let a worker do messages, and delete those done. Return the ids of those that failed."""
        failed = self.handle(records)
        for record in records:
            if record["messageId"] not in failed:
                self.delete(record)
        return failed

    def delete(self, record: dict[str, Any]) -> None:
        """Delete a processed message."""
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=record["handle"])

    def drain(self) -> None:
        """Let a worker process messages until there are none. Those that fail return at once."""
        for _ in range(_ROUNDS):
            records = self.receive()
            if not records:
                return
            self.work(records)
        raise AssertionError("the queue does not become empty")

    def run(self, moment: datetime) -> int:
        """Run the schedule and let a worker process what it sent."""
        sent = self.schedule(moment)
        self.drain()
        return sent

    def waiting(self, *, dead: bool = False) -> int:
        """Return the number of waiting messages."""
        name = "ApproximateNumberOfMessages"
        url = self.dead_url if dead else self.url
        answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])
