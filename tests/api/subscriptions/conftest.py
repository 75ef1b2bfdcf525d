"""A practice with a receiver of notifications, and the way of these from writes to it."""

from collections.abc import Iterator

import pytest

from tests.support.chat import Chat
from tests.support.practice import Practice
from tests.support.receiver import Receiver, run_receiver
from tests.support.subscription_pipeline import SubscriptionPipeline


@pytest.fixture(autouse=True)
def in_berlin(practice: Practice) -> Practice:
    return practice


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as place:
        yield place


@pytest.fixture
def pipeline(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> SubscriptionPipeline:
    assert practice
    return SubscriptionPipeline(monkeypatch)


@pytest.fixture
def chat(practice: Practice, receiver: Receiver, pipeline: SubscriptionPipeline) -> Chat:
    return Chat(practice.clinic, practice, receiver, pipeline)
