"""Listening to the events that the service publishes on the emulator's event bus.

A rule of the bus sends them to a queue, as it may on AWS.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from shared.events.publishing import SOURCE
from shared.local.client import UnexpectedResponse
from shared.local.emulator import Emulator

BUS, RULE, QUEUE = "default", "listening", "events"
_LONGEST_WAIT = 20
# The stream gathers events for 5 seconds.
_CLOSING_SECONDS = 60

type Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listener:
    """A queue that all events come to, of which each is received once."""

    sqs: Any
    url: str

    @classmethod
    def begin(cls, running: Emulator) -> Self:
        """Return a listener to whose queue all events come from now on."""
        sqs, events = running.client("sqs"), running.client("events")
        url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        events.put_rule(Name=RULE, EventBusName=BUS, EventPattern=json.dumps({"source": [SOURCE]}))
        target = {"Id": QUEUE, "Arn": attributes["Attributes"]["QueueArn"]}
        events.put_targets(Rule=RULE, EventBusName=BUS, Targets=[target])
        return cls(sqs, url)

    def receive(self, seconds: int = _LONGEST_WAIT) -> Iterator[Event]:
        """Yield the events that have come, after waiting for the first for at most so long."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds
        )
        for message in answer.get("Messages", ()):
            yield json.loads(message["Body"])
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


def events_until_closing(listener: Listener, session: str) -> Iterator[Event]:
    """Yield what happens to sessions and threads until a session, given as a reference, is closed.

    Raises UnexpectedResponse if that event does not come in a minute.
    """
    deadline = time.monotonic() + _CLOSING_SECONDS
    while time.monotonic() < deadline:
        received = [*listener.receive()]
        yield from (event for event in received if not event["detail-type"].startswith("Resource"))
        closed = (event for event in received if event["detail-type"] == "SessionClosed")
        if session in {event["detail"]["reference"] for event in closed}:
            return
    raise UnexpectedResponse(f"no event SessionClosed of {session}")


def bus_arn(running: Emulator) -> str:
    """Return the ARN of the bus, which is the template's parameter EventBusArn."""
    arn: str = running.client("events").describe_event_bus(Name=BUS)["Arn"]
    return arn


def line(event: Event) -> str:
    """Return an event as a line: its name, what it is about, and what else it says."""
    detail = event["detail"]
    known = ("id", "sequence", "time", "tenant", "reference", "version")
    facts = [f"{name}={value}" for name, value in detail.items() if name not in known]
    about = f"{detail['reference']}/_history/{detail['version']}"
    return " ".join(["event", f"{event['detail-type']:20}", about, *facts])
