"""Events in tests: what the table's stream, the queue, the publisher and the bus do with them."""

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions import event_publisher
from shared.settings import settings
from shared.store import event_bus, queues
from tests.support import audit_pipeline

BUS = "arn:aws:events:us-east-1:123456789012:event-bus/care"
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/events"

type Detail = dict[str, Any]


@dataclass
class MemoryQueue:
    """A queue that keeps its messages and counts calls, or refuses these while it `is_down`."""

    bodies: list[str] = field(default_factory=list)
    calls: int = 0
    is_down: bool = False

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:
        assert QueueUrl == QUEUE
        assert 1 <= len(Entries) <= queues.MOST_MESSAGES
        self.calls += 1
        if self.is_down:
            error: Any = {"Code": "ServiceUnavailable", "Message": "Try again"}
            raise ClientError({"Error": error}, "SendMessageBatch")
        self.bodies += [entry["MessageBody"] for entry in Entries]
        return {"Successful": Entries}


@dataclass
class MemoryBus:
    """A bus that keeps its events.

    `failures` are the errors of the next calls, `refusals` the codes of the next entries, empty for
    what it takes.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)

    def put_events(self, *, Entries: list[dict[str, Any]]) -> Any:
        assert 1 <= len(Entries) <= event_bus.MOST_PUT
        if self.failures:
            raise self.failures.pop(0)
        results = []
        for entry in Entries:
            code = self.refusals.pop(0) if self.refusals else ""
            results.append({"ErrorCode": code} if code else {"EventId": "1"})
            if not code:
                self.entries.append(entry)
        return {"Entries": results}


class EventPipeline:
    """The way of events from the audit table to the bus, which a test walks when it says so."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.queue, self.bus = MemoryQueue(), MemoryBus()
        self._seen: set[str] = set()
        patch.setenv("EVENT_BUS_ARN", BUS)
        patch.setenv("EVENT_QUEUE_URLS", QUEUE)
        settings.cache_clear()
        patch.setattr(queues, "client", cache(lambda: self.queue))
        patch.setattr(event_bus, "client", cache(lambda: self.bus))

    def new_rows(self) -> list[dict[str, Any]]:
        """Return the rows of writes since the last call, in order."""
        rows = [
            row for row in audit_pipeline.write_event_rows() if row["pk"]["S"] not in self._seen
        ]
        self._seen |= {row["pk"]["S"] for row in rows}
        return sorted(rows, key=lambda row: str(row["pk"]["S"]))

    def publish_waiting(self) -> list[str]:
        """Pass all messages of the queue to the publisher. Keep, and return, those that failed."""
        records = [
            {"messageId": str(number), "body": body, "eventSource": "aws:sqs"}
            for number, body in enumerate(self.queue.bodies)
        ]
        answer = event_publisher.handler({"Records": records}, None) if records else {}
        failed = {int(item["itemIdentifier"]) for item in answer.get("batchItemFailures", ())}
        self.queue.bodies = [self.queue.bodies[number] for number in sorted(failed)]
        return self.queue.bodies

    def deliver(self) -> list[tuple[str, Detail]]:
        """Publish what was written since the last call. Return each event's name and detail."""
        before = len(self.bus.entries)
        audit_pipeline.deliver_stream_rows(self.new_rows())
        self.publish_waiting()
        return [
            (entry["DetailType"], json.loads(entry["Detail"]))
            for entry in self.bus.entries[before:]
        ]
