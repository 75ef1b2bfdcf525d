"""Events on the emulator's SQS and EventBridge, whatever call a function is killed at."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

import pytest

from functions import audit_index, event_publisher
from shared.local.emulator import Emulator
from shared.local.listening import Listener
from shared.settings import settings
from shared.store import dynamodb, event_bus, queues
from tests.support import audit_pipeline, care
from tests.support.api_client import ApiClient

pytestmark = pytest.mark.usefixtures("function_environment")

SESSIONS = 6
_RUNS = count(1)


class Killed(BaseException):
    """The function is gone. Nothing catches this."""


@pytest.fixture
def listener(engine: Emulator) -> Listener:
    """Return a listener to whom nothing of earlier tests comes."""
    begun = Listener.begin(engine)
    while [*begun.receive(0)]:
        pass
    return begun


@pytest.fixture
def queue(engine: Emulator, monkeypatch: pytest.MonkeyPatch, listener: Listener) -> str:
    """Return the queue of events. A message that was not deleted is visible again at once."""
    assert listener.url
    url: str = engine.client("sqs").create_queue(
        QueueName=f"event-queue-{next(_RUNS)}", Attributes={"VisibilityTimeout": "0"}
    )["QueueUrl"]
    monkeypatch.setenv("EVENT_QUEUE_URLS", url)
    settings.cache_clear()
    return url


@contextmanager
def killed(service: str, moment: str, number: int) -> Iterator[list[int]]:
    """Kill the function at its n-th call of a service, just before or just after it."""
    calls: list[int] = []
    clients = {"dynamodb": dynamodb.client, "sqs": queues.client, "events": event_bus.client}
    hooks = clients[service]().meta.events
    # botocore names its events by the service: EventBridge's is eventbridge.
    name = f"{moment}-call.{'eventbridge' if service == 'events' else service}"

    def kill(**_: Any) -> None:
        calls.append(1)
        if len(calls) == number:
            raise Killed

    hooks.register(name, kill)
    try:
        with suppress(Killed):
            yield calls
    finally:
        hooks.unregister(name, kill)


def hand_over() -> None:
    """Pass the rows of all writes to the stream's function."""
    audit_pipeline.deliver_stream_rows(audit_pipeline.write_event_rows())


def publish(sqs: Any, url: str) -> None:
    """Publish what waits in the queue, as the publisher's event source lets it."""
    while delivered := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=4).get("Messages"):
        records = [
            {"messageId": part["MessageId"], "body": part["Body"], "eventSource": "aws:sqs"}
            for part in delivered
        ]
        answer = event_publisher.handler({"Records": records}, None)
        assert answer["batchItemFailures"] == []
        for message in delivered:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def received(listener: Listener) -> list[str]:
    """Return the details of the events that have come."""
    details: list[str] = []
    while came := [json.dumps(event["detail"]) for event in listener.receive(1)]:
        details += came
    return details


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    "call",
    [
        ("sqs", 1, "hand over"),
        ("dynamodb", 1, "hand over"),
        ("events", 1, "publish"),
        ("events", 2, "publish"),
    ],
)
def test_a_function_that_is_killed_loses_no_event_and_repeats_them_with_their_ids(  # noqa: PLR0917 - fixtures
    clinic: ApiClient,
    engine: Emulator,
    listener: Listener,
    queue: str,
    call: tuple[str, int, str],
    moment: str,
) -> None:
    (service, number, step), sqs = call, engine.client("sqs")
    for _ in range(SESSIONS):
        clinic.post("/Encounter", care.session())
    steps: dict[str, Callable[[], None]] = {
        "hand over": hand_over,
        "publish": lambda: publish(sqs, queue),
    }
    if step == "publish":
        hand_over()
    with killed(service, moment, number) as calls:
        steps[step]()
    assert len(calls) == number
    for repeat in steps.values():
        repeat()
    details = received(listener)
    ids = {json.loads(detail)["id"] for detail in details}
    # An event that is published again is the same in every part.
    assert len(set(details)) == len(ids) == 2 * SESSIONS
    assert audit_index.handler({"Records": []}, None) == {"indexed": 0}
    (row,) = audit_pipeline.journal_rows()
    assert row["events"]
