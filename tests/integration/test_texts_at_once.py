"""Text messages on the emulator's DynamoDB: many at once, and what one costs."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from shared.channels.account_models import TwilioAccount
from shared.channels.inbound import receiving
from shared.channels.inbound.message import InboundMessage
from shared.errors import Transient
from shared.fhir import instants
from shared.interactions.admin import reindex
from shared.store import dynamodb, keys, meter, transactions
from shared.store.index import readiness
from shared.store.operations import put
from tests.support import care, consistency
from tests.support.api_client import ApiClient
from tests.support.family import store
from tests.support.memory_reads import size
from tests.support.text_channel import CLINIC, ref, twilio_account

pytestmark = pytest.mark.usefixtures("function_environment", "known")

HOMER = "+15551230001"
ACCOUNT = TwilioAccount.model_validate(twilio_account(name="sms", messages_per_hour=1000))


@pytest.fixture
def known(clinic: ApiClient, function_environment: None) -> None:
    """Store a patient who is found by his number."""
    assert function_environment is None
    store(clinic, care.HOMER, telecom=[{"system": "phone", "value": "(555) 123-0001"}])
    store(clinic, CLINIC, name="Clinic")
    ready = {"parameters": {"SS": reindex.added_parameters()}}
    transactions.send([put(keys.reindexing("ready"), ready)])
    readiness.ready_names.cache_clear()


def text(number: int, contact: str = HOMER) -> InboundMessage:
    at = instants.now() + timedelta(seconds=number)
    return InboundMessage(
        account=ACCOUNT,
        contact=contact,
        id=f"SM{number:032x}",
        text=f"My back hurts, {number}",
        sent=at,
        received=at,
    )


def at_once(messages: list[InboundMessage]) -> None:
    """Receive messages at once; what the database was too busy for is delivered again."""
    left = messages
    for _ in range(20):
        with ThreadPoolExecutor(25) as pool:
            done = list(pool.map(received, left))
        left = [message for message, is_done in zip(left, done, strict=True) if not is_done]
    assert left == []


def received(message: InboundMessage) -> bool:
    try:
        receiving.receive(message)
    except Transient:
        return False
    return True


def thread(clinic: ApiClient) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the only thread's header, and its messages."""
    (header,) = clinic.get("/Communication?part-of:missing=true").resources
    found = clinic.get(f"/Communication?part-of=Communication/{header['id']}&_count=200")
    return header, found.resources


def test_a_hundred_of_one_pair_of_numbers_at_once_make_one_thread(clinic: ApiClient) -> None:
    at_once([text(number) for number in range(100)])
    header, messages = thread(clinic)
    assert len(messages) == 100
    assert {ref(message["sender"]) for message in messages} == {ref(header["sender"])}
    assert ref(header["sender"]) == care.HOMER
    consistency.check()


def test_a_hundred_deliveries_at_once_make_one_message(clinic: ApiClient) -> None:
    at_once([text(0)] * 100)
    _, messages = thread(clinic)
    assert len(messages) == 1
    consistency.check()


def test_a_hundred_of_somebody_unknown_ask_once(clinic: ApiClient) -> None:
    at_once([text(number, "+15551239999") for number in range(100)])
    _, messages = thread(clinic)
    assert len(messages) == 100
    assert len(clinic.get("/Task").ids) == 1
    consistency.check()


@pytest.fixture
def read_units() -> Iterator[list[int]]:
    """Collect the units of each read, from the sizes of what it returns."""
    units: list[int] = []
    kinds: dict[str, Callable[[Any], list[Any]]] = {
        "Query": lambda parsed: [sum(map(size, parsed["Items"]))],
        "GetItem": lambda parsed: [size(parsed.get("Item", {}))],
        "BatchGetItem": lambda parsed: [
            size(item) for part in parsed["Responses"].values() for item in part
        ],
    }

    def count(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        read = kinds.get(model.name, lambda _: [])
        units.extend(max(1, math.ceil(weight / 4096)) for weight in read(parsed))

    dynamodb.client().meta.events.register("after-call.dynamodb", count)
    yield units
    dynamodb.client().meta.events.unregister("after-call.dynamodb", count)


def test_a_text_message_costs_24_write_units_and_10_read_units(read_units: list[int]) -> None:
    receiving.receive(text(1))
    receiving.receive(text(2))
    meter.start()
    read_units.clear()
    receiving.receive(text(3))
    assert meter.consumed()["writeUnits"] == 24
    assert sum(read_units) == 10


def test_the_first_text_message_costs_38_write_units(read_units: list[int]) -> None:
    meter.start()
    read_units.clear()
    receiving.receive(text(1))
    assert meter.consumed()["writeUnits"] == 38
    assert sum(read_units) == 9


def test_a_repetition_costs_no_write_units(read_units: list[int]) -> None:
    receiving.receive(text(1))
    meter.start()
    read_units.clear()
    receiving.receive(text(1))
    assert meter.consumed()["writeUnits"] == 0
    assert sum(read_units) == 1
