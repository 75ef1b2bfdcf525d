"""The cost of finding messages that are to be sent, and of sending one."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from shared.channels import accounts
from shared.channels.outbound import dispatching, receipts
from shared.channels.outbound import sending as outbound_sending
from shared.channels.outbound.orders import Order
from shared.channels.outbound.receipts import Receipt
from shared.fhir import instants
from shared.store import dynamodb, transactions
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.warm import reads, writes
from tests.support.memory_secrets import secrets_manager
from tests.support.practice import Practice
from tests.support.sending_channels import SendingChannels
from tests.support.twilio_server import TwilioServer


@pytest.fixture
def sending(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, twilio: TwilioServer
) -> SendingChannels:
    """Return a practice whose accounts are known, so that moto does not answer for DynamoDB."""
    with secrets_manager() as secrets:
        place = SendingChannels(practice, monkeypatch, secrets, twilio)
        accounts.all_accounts()
    return place


def cost(patch: pytest.MonkeyPatch, call: Callable[[], Any]) -> tuple[int, int]:
    """Return the write units and the read units that a call takes."""
    database: Any = dynamodb.client()
    endpoint = Endpoint(database)
    client = dynamodb.session().create_client("dynamodb", config=dynamodb.CONFIG)
    endpoint.attach(client)
    with patch.context() as counted:
        counted.setattr(dynamodb, "client", cache(lambda: client))
        counted.setattr(transactions, "client", cache(lambda: client))
        call()
    return writes(endpoint.calls), reads(endpoint.calls)


def written(*ids: str) -> list[Any]:
    """Return transactions that created Communications, as the audit stream hands them over."""
    return [
        {"tenant": "-", "at": "", "id": "", "written": [[f"Communication/{one}", 1, "C"]]}
        for one in ids
    ]


def test_the_messages_of_an_ordinary_thread_cost_one_read_of_their_header(
    sending: SendingChannels, monkeypatch: pytest.MonkeyPatch
) -> None:
    header_id = sending.practice.post_header()
    ids = [sending.post(header_id) for _ in range(20)]
    found: list[Order] = []
    taken = cost(monkeypatch, lambda: found.extend(dispatching.orders(written(*ids))))
    assert (taken, found) == ((0, 1), [])


def test_a_message_to_send_costs_two_reads_to_find(
    sending: SendingChannels, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = sending.post(sending.thread())
    found: list[Order] = []
    taken = cost(monkeypatch, lambda: found.extend(dispatching.orders(written(message_id))))
    assert (taken, found) == ((0, 2), [Order("-", message_id, "text")])


def test_sending_a_message_and_its_receipt_cost_few_units(
    sending: SendingChannels, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = sending.post(sending.thread())
    order = Order("-", message_id, "text")
    assert cost(monkeypatch, lambda: outbound_sending.send(order)) == (26, 8)
    now = instants.now()
    said = Receipt(
        account="text", id=sending.twilio.sids[0], at=now, received=now, is_delivered=True
    )
    assert cost(monkeypatch, lambda: receipts.apply(said)) == (18, 4)
