"""A clinic with accounts for text messages, and some people in its directory."""

from collections.abc import Iterator

import pytest

from tests.support.memory_secrets import secrets_manager
from tests.support.practice import Practice
from tests.support.text_channel import TextChannel


@pytest.fixture
def channel(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Iterator[TextChannel]:
    with secrets_manager() as secrets:
        yield TextChannel(practice, monkeypatch, secrets)
