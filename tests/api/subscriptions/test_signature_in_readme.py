"""The README's way of verifying a signature verifies what is sent."""

import re
from types import SimpleNamespace
from typing import Any

import pytest

from shared.packaging.build import ROOT
from tests.support import care
from tests.support.chat import Chat
from tests.support.practice import local
from tests.support.subscriptions import SECRET, secret

README = ROOT / "shared/subscriptions/README.md"


@pytest.fixture
def is_genuine() -> Any:
    (source,) = re.findall(
        r"<!-- signature -->\n```python\n(.*?)```", README.read_text(), re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - it is our own document
    # The snippet's clock stands still at the instant of the tests'.
    names["time"] = SimpleNamespace(time=lambda: 1772438400.0)
    return names["is_genuine"]


def test_the_snippet_verifies_what_was_sent_and_nothing_else(chat: Chat, is_genuine: Any) -> None:
    chat.subscribe("Communication?", extension=secret())
    chat.clinic.post("/Communication", care.header())
    (told,) = chat.requests()
    header = told.headers["x-subscription-signature"]
    assert is_genuine(header, told.body, SECRET)
    assert not is_genuine(header, told.body + b" ", SECRET)
    assert not is_genuine(header, told.body, "another-secret-of-an-application")
    seconds = header.partition(",")[0]
    assert not is_genuine(header.replace(seconds, "t=1772438399"), told.body, SECRET)


def test_the_snippet_refuses_what_is_old(chat: Chat, is_genuine: Any) -> None:
    chat.practice.now = local("2026-03-02 08:54")
    chat.subscribe("Communication?", extension=secret())
    chat.clinic.post("/Communication", care.header())
    (told,) = chat.requests()
    assert not is_genuine(told.headers["x-subscription-signature"], told.body, SECRET)
