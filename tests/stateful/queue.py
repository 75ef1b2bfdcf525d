"""An in-memory queue whose every call a test can intercept, as with the database."""

from itertools import count
from typing import Any

from tests.support.memory_database import Database

_MOST_RECEIVED = 4


class Queue:
    """A client of one queue. A message that was received and not deleted is received again."""

    def __init__(self, database: Database) -> None:
        self._database, self._numbers = database, count(1)
        self.bodies: dict[str, str] = {}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        with self._database.with_hooks("GetQueueAttributes"):
            return {"Attributes": {"ApproximateNumberOfMessages": str(len(self.bodies))}}

    def send_message_batch(self, *, Entries: list[dict[str, str]], **_: Any) -> dict[str, Any]:
        with self._database.with_hooks("SendMessageBatch"):
            for entry in Entries:
                self.bodies[str(next(self._numbers))] = entry["MessageBody"]
            return {}

    def received(self) -> list[dict[str, Any]]:
        some = list(self.bodies.items())[:_MOST_RECEIVED]
        return [{"messageId": message_id, "body": body} for message_id, body in some]

    def delete(self, message_id: str) -> None:
        self.bodies.pop(message_id, None)
