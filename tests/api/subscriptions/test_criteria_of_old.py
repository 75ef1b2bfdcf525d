"""Criteria that a later release no longer offers stop their own Subscription only."""

from collections.abc import Iterator

import pytest

from shared.catalog.parameters import SEARCH_PARAMS
from shared.search.query import single_resource
from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.chat import Chat
from tests.support.subscriptions import channel, replaced, subscription

OFF = replaced("/status", "off")
TOPIC = "Communication?topic:text=a%20rash"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Drop a parameter by `later.delitem`, as a later release does."""
    yield monkeypatch
    single_resource.parse.cache_clear()


def drop_topic(later: pytest.MonkeyPatch) -> None:
    later.delitem(SEARCH_PARAMS.of("Communication"), "topic")
    single_resource.parse.cache_clear()


def test_others_are_told_and_it_is_in_error(chat: Chat, later: pytest.MonkeyPatch) -> None:
    old, other = chat.subscribe(TOPIC), chat.subscribe("Communication?")
    drop_topic(later)
    header = chat.clinic.post("/Communication", care.header()).id
    assert chat.told() == [("PUT", f"/fhir/Communication/{header}")]
    body = chat.clinic.get(f"/Subscription/{old}").body
    assert body["status"] == "error"
    assert body["error"].startswith("The criteria are no longer offered: ")
    assert "topic" in body["error"]
    assert chat.status(other) == "active"
    assert chat.pipeline.waiting == []


def test_one_that_waits_for_its_handshake_is_in_error(
    chat: Chat, later: pytest.MonkeyPatch
) -> None:
    body = subscription(TOPIC, channel=channel(endpoint=chat.receiver.url))
    old = chat.clinic.post("/Subscription", body).id
    drop_topic(later)
    assert chat.told() == []
    assert chat.status(old) == "error"


def test_it_can_be_set_off_and_not_on_again(chat: Chat, later: pytest.MonkeyPatch) -> None:
    url = f"/Subscription/{chat.subscribe(TOPIC)}"
    drop_topic(later)
    body = chat.clinic.get(url).body
    assert chat.clinic.put(url, body | {"reason": "Billing"}).status == 200
    assert chat.clinic.patch(url, OFF).status == 200
    on = replaced("/status", "requested")
    refusals.check(chat.clinic.patch(url, on), 422, "business-rule", "Subscription.criteria")


def test_off_asks_for_no_scope_of_what_it_was_told(chat: Chat) -> None:
    url = f"/Subscription/{chat.subscribe('Communication?')}"
    limited = ApiClient(claims={"scope": "user/Subscription.cruds"})
    assert limited.patch(url, OFF).status == 200


def test_off_asks_for_no_endpoint_that_may_be_called(chat: Chat) -> None:
    url = f"/Subscription/{chat.subscribe('Communication?')}"
    chat.practice.configure(ALLOW_LOCAL_ENDPOINTS="")
    assert chat.clinic.patch(url, OFF).status == 200
    on = replaced("/status", "requested")
    endpoint = "Subscription.channel.endpoint"
    refusals.check(chat.clinic.patch(url, on), 422, "business-rule", endpoint)
