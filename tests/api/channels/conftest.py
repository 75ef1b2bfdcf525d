"""Practices with accounts of channels, and a stand-in for each provider."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from shared.channels.outbound import aws_sms, ses
from shared.store import s3
from tests.support.aws_server import AwsServer, run_aws
from tests.support.memory_objects import MemoryS3
from tests.support.memory_secrets import secrets_manager
from tests.support.practice import Practice
from tests.support.receiver import Receiver, run_receiver
from tests.support.sending_channels import CREDENTIALS, SendingChannels
from tests.support.text_channel import PNG, TextChannel
from tests.support.twilio_server import TwilioServer, run_twilio


@pytest.fixture
def secrets() -> Iterator[Any]:
    with secrets_manager() as client:
        yield client


@pytest.fixture
def channel(practice: Practice, monkeypatch: pytest.MonkeyPatch, secrets: Any) -> TextChannel:
    return TextChannel(practice, monkeypatch, secrets)


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    with run_twilio(CREDENTIALS) as place:
        yield place


@pytest.fixture
def provider() -> Iterator[Receiver]:
    """Yield a provider that has a picture under every URL."""
    with run_receiver() as place:
        place.answer = lambda request: request.send(200, PNG)
        yield place


@pytest.fixture
def pictures(
    channel: TextChannel, provider: Receiver, monkeypatch: pytest.MonkeyPatch
) -> TextChannel:
    """Return a channel whose messages have pictures at the provider."""
    objects = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: objects))
    channel.practice.configure(
        BINARY_BUCKET="binaries", TWILIO_URL=provider.url.removesuffix("/fhir")
    )
    return channel


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsServer]:
    with run_aws() as place:
        for service in ("SESV2", "PINPOINT_SMS_VOICE_V2"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", place.url)
        ses.client.cache_clear()
        aws_sms.client.cache_clear()
        yield place


@pytest.fixture
def sending(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, secrets: Any, twilio: TwilioServer
) -> SendingChannels:
    return SendingChannels(practice, monkeypatch, secrets, twilio)
