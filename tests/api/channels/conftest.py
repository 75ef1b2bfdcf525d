"""A practice with accounts of channels, and a stand-in for each provider."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.memory_secrets import secrets_manager
from tests.support.practice import Practice
from tests.support.sending_channels import CREDENTIALS, SendingChannels
from tests.support.twilio_server import TwilioServer, run_twilio


@pytest.fixture
def secrets() -> Iterator[Any]:
    with secrets_manager() as client:
        yield client


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    with run_twilio(CREDENTIALS) as place:
        yield place


@pytest.fixture
def sending(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, secrets: Any, twilio: TwilioServer
) -> SendingChannels:
    return SendingChannels(practice, monkeypatch, secrets, twilio)
