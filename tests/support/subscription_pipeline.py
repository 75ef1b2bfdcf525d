"""Notifications in tests: what the table's stream, the queues and the functions do with them."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

import pytest

from functions import subscription_deliverer, subscription_matcher
from shared.fhir import instants
from shared.settings import settings
from shared.store import queues
from shared.subscriptions.matching import Matcher
from tests.support import audit_pipeline

CHANGES = "https://sqs.us-east-1.amazonaws.com/123456789012/changes"
NOTIFICATIONS = "https://sqs.us-east-1.amazonaws.com/123456789012/notifications"


@dataclass
class Message:
    """A message of a queue, how often it was received, and when it may be received again."""

    id: str
    body: str
    visible: datetime
    received: int = 0
    first_received: datetime | None = None

    def record(self) -> dict[str, Any]:
        assert self.first_received
        attributes = {
            "ApproximateReceiveCount": str(self.received),
            "ApproximateFirstReceiveTimestamp": str(int(self.first_received.timestamp() * 1000)),
        }
        return {
            "messageId": self.id,
            "receiptHandle": self.id,
            "body": self.body,
            "attributes": attributes,
            "eventSource": "aws:sqs",
        }


class MemoryQueues:
    """A client of queues that keep their messages."""

    def __init__(self) -> None:
        self.messages: dict[str, dict[str, Message]] = defaultdict(dict)
        self._numbers = count(1)
        self.sent: Counter[str] = Counter()

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:
        self.sent[QueueUrl] += len(Entries)
        for entry in Entries:
            name = str(next(self._numbers))
            self.messages[QueueUrl][name] = Message(name, entry["MessageBody"], instants.now())
        return {"Successful": Entries}

    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> Any:
        later = instants.now() + timedelta(seconds=VisibilityTimeout)
        self.messages[QueueUrl][ReceiptHandle].visible = later
        return {}

    def pass_on(self, queue: str, handler: Any) -> None:
        """Pass the messages of a queue to a function that may be received now."""
        messages = self.messages[queue]
        for message in list(messages.values()):
            if message.visible > instants.now():
                continue
            message.received += 1
            message.first_received = message.first_received or instants.now()
            answer = handler({"Records": [message.record()]}, None)
            if not answer["batchItemFailures"]:
                del messages[message.id]


class SubscriptionPipeline:
    """The way of notifications from the audit table to endpoints, which a test walks."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.queues = MemoryQueues()
        self._seen: set[str] = set()
        patch.setenv("CHANGE_QUEUE_URL", CHANGES)
        patch.setenv("NOTIFICATION_QUEUE_URL", NOTIFICATIONS)
        patch.setenv("ALLOW_LOCAL_ENDPOINTS", "true")
        settings.cache_clear()
        patch.setattr(queues, "client", cache(lambda: self.queues))
        patch.setattr(subscription_matcher, "matcher", Matcher())

    @property
    def waiting(self) -> list[Message]:
        """Return the notifications that are not delivered yet."""
        return list(self.queues.messages[NOTIFICATIONS].values())

    def match(self) -> None:
        """Match what was written since the last call."""
        rows = [
            row for row in audit_pipeline.write_event_rows() if row["pk"]["S"] not in self._seen
        ]
        self._seen |= {row["pk"]["S"] for row in rows}
        audit_pipeline.deliver_stream_rows(sorted(rows, key=lambda row: str(row["pk"]["S"])))
        self.queues.pass_on(CHANGES, subscription_matcher.handler)

    def deliver(self) -> None:
        """Match what was written since the last call, and deliver what may be delivered now."""
        self.match()
        self.queues.pass_on(NOTIFICATIONS, subscription_deliverer.handler)
        # A delivery may have changed a Subscription.
        self.match()
