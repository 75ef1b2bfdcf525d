"""Replaying the dead letters of a deployment: of closing sessions, events and the audit trail.

Whatever they are about may be done again without harm. A message is deleted once it is done; what
fails stays among the dead letters. What fails again is among them later than a run takes.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Self

from shared.local import functions, replaying
from shared.local.client import UnexpectedResponse
from shared.local.deployments import Deployment

CLOSING, EVENTS, AUDIT = "ClosingDeadLetters", "EventDeadLetters", "AuditDeadLetters"
CHANGES, NOTIFICATIONS = "ChangeDeadLetters", "NotificationDeadLetters"
INBOUND, OUTBOUND = "InboundDeadLetters", "OutboundDeadLetters"
CHANNEL_CHANGES = "ChannelChangeDeadLetters"
DEAD_LETTERS = (
    *(CLOSING, EVENTS, CHANGES, NOTIFICATIONS),
    *(INBOUND, CHANNEL_CHANGES, OUTBOUND, AUDIT),
)
LOG_FUNCTION = "AuditLogFunction"
LOOKS, PUBLICATIONS = "looks at due sessions", "messages with events"
MATCHES, DELIVERIES = "messages with changes for Subscriptions", "notifications"
RECEIPTS, SENDINGS = "text messages and e-mails that came in", "messages to be sent"
CHANNEL_MATCHES = "messages with changes for text messages and e-mail"
# Dead letters that only go back to the queue that they come from, and what they are.
_RESENT = {
    CLOSING: ("ClosingQueue", LOOKS),
    EVENTS: ("EventQueue", PUBLICATIONS),
    CHANGES: ("ChangeQueue", MATCHES),
    NOTIFICATIONS: ("NotificationQueue", DELIVERIES),
    INBOUND: ("InboundQueue", RECEIPTS),
    CHANNEL_CHANGES: ("ChannelChangeQueue", CHANNEL_MATCHES),
    OUTBOUND: ("OutboundQueue", SENDINGS),
}
LINES, BATCHES = "deliveries of log lines", "batches of the stream"
FAILED, UNKNOWN = "failed again", "not understood"
# A message that is not deleted is visible again after so long.
_SECONDS = 900
_WAIT_SECONDS = 2

type Message = dict[str, Any]


class _Queue:
    """A queue of dead letters; when it is left, those that were not deleted are visible again."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url
        self._held: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._held.values():
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=0
            )

    def messages(self) -> Iterator[Message]:
        """Receive all messages, each once."""
        while received := self._receive():
            for message in received:
                is_new = message["MessageId"] not in self._held
                self._held[message["MessageId"]] = message["ReceiptHandle"]
                if is_new:
                    yield message

    def _receive(self) -> list[Message]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_SECONDS,
            WaitTimeSeconds=_WAIT_SECONDS,
        )
        known: list[Message] = answer.get("Messages", [])
        return known

    def delete(self, message: Message) -> None:
        """Delete a message that is done."""
        handle = self._held.pop(message["MessageId"])
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=handle)


def redrive(deployment: Deployment, *, dry: bool = False) -> Counter[str]:
    """Replay all dead letters, or with `dry` only count them; return how many of each kind."""
    kinds = (*(kind for _, kind in _RESENT.values()), LINES, BATCHES, FAILED, UNKNOWN)
    counts = Counter(dict.fromkeys(kinds, 0))
    names, sqs = deployment.physical_ids(), deployment.client("sqs")
    # A deployment has some of the queues only if it has what they are for.
    for dead, (alive, kind) in ((dead, _RESENT[dead]) for dead in _RESENT if dead in names):
        with _Queue(sqs, names[dead]) as queue:
            for message in queue.messages():
                counts[kind] += 1
                if not dry:
                    sqs.send_message(QueueUrl=names[alive], MessageBody=message["Body"])
                    queue.delete(message)
    with _Queue(sqs, names[AUDIT]) as queue:
        _redrive_audit(deployment, queue, counts, dry=dry)
    return counts


def _redrive_audit(
    deployment: Deployment, queue: _Queue, counts: Counter[str], *, dry: bool
) -> None:
    batches: list[Message] = []
    windows: list[replaying.Window] = []
    for message in queue.messages():
        match json.loads(message["Body"]):
            case {"requestPayload": {"awslogs": _} as lines}:
                counts[LINES] += 1
                if not dry and _is_kept(deployment, lines, counts):
                    queue.delete(message)
            case {"DDBStreamBatchInfo": batch}:
                counts[BATCHES] += 1
                batches.append(message)
                windows.append(
                    replaying.window_around(
                        batch["approximateArrivalOfFirstRecord"],
                        batch["approximateArrivalOfLastRecord"],
                    )
                )
            case _:
                counts[UNKNOWN] += 1
    counts.update(replaying.replay(deployment, windows, dry=dry))
    if not dry:
        for message in batches:
            queue.delete(message)


def _is_kept(deployment: Deployment, lines: dict[str, Any], counts: Counter[str]) -> bool:
    """Have a delivery of log lines stored; return whether it was."""
    try:
        functions.call(deployment.client("lambda"), deployment.physical_ids()[LOG_FUNCTION], lines)
    except UnexpectedResponse:
        counts[FAILED] += 1
        return False
    return True
