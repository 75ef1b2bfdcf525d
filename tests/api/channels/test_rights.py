"""The functions that carry messages have exactly the table permissions that they use."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count, islice, product
from typing import Any

import pytest

from functions import channel_dispatcher, channel_receiver, channel_sender
from shared.catalog.access_patterns import TABLES
from shared.catalog.policies import POLICIES
from shared.store import dynamodb, transactions
from tests.api.access.test_rights import HIGH, LONG, Notes, Noting, Scene
from tests.contract.test_template import ALLOWED
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.family import BART, LISA, OF_BART, OF_LISA, link_records, store, store_relative
from tests.support.practice import Practice
from tests.support.sending_channels import SendingChannels
from tests.support.text_channel import TextChannel

CARRYING = (channel_dispatcher, channel_receiver, channel_sender)


@pytest.fixture
def notes(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Notes:  # noqa: ARG001 - must be set up first
    noted = Notes()
    database = Noting(noted)
    for caller in (dynamodb, transactions):
        monkeypatch.setattr(caller, "client", cache(lambda: database))
    for function in CARRYING:
        name = function.__name__.rpartition(".")[2]
        monkeypatch.setattr(function, "handler", _noting(noted, name, function.handler))
    return noted


def _noting(notes: Notes, name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    def noted(event: Any, context: Any) -> Any:
        notes.function = name
        try:
            return handler(event, context)
        finally:
            notes.function = ""

    return noted


def taken(notes: Notes, function: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for by, table, action in notes.taken:
        if by == function:
            found.setdefault(table, set()).add(action)
    return found


def granted(function: str) -> dict[str, set[str]]:
    """Return the rights of a function on tables."""
    return {table: set(actions) for table, actions in ALLOWED[function].items() if table in TABLES}


def family(clinic: ApiClient, number: str) -> None:
    for patient, given in ((BART, "Bart"), (LISA, "Lisa")):
        store(clinic, patient, name=[{"given": [given]}])
    for person, patient in ((OF_BART, BART), (OF_LISA, LISA)):
        store_relative(
            clinic, person, patient, telecom=[{"system": "phone", "value": number}], text=LONG
        )
    link_records(clinic, OF_BART, OF_LISA)


def texts(channel: TextChannel) -> None:
    """Let texts come in: of a family, of somebody unknown, and while sessions are being closed."""
    numbers = (f"+1555123{number}" for number in count(1000))
    family(channel.clinic, mother := next(numbers))
    for policy in POLICIES:
        channel.practice.configure(SESSION_POLICY=policy)
        for text in ("Hello", "Bart has a rash", "Lisa has it too", "STOP", "START", "HELP"):
            channel.text(text, mother)
        channel.text("Who am I?", other := next(numbers))
        with half_closed(channel):
            for number in (mother, other):
                channel.text("And now?", number)
        for header in channel.threads():
            changed = header | {"status": "completed", "text": LONG}
            channel.clinic.put(f"/Communication/{header['id']}", changed)
        for number in (mother, other):
            channel.text("Once more", number)


@contextmanager
def half_closed(channel: TextChannel | SendingChannels) -> Iterator[None]:
    """Begin to close every session, and end it afterwards, if nobody else has."""
    open_sessions = channel.clinic.get("/Encounter?part-of:missing=true&status=in-progress")
    paths = [f"/Encounter/{session['id']}" for session in open_sessions.resources]
    for path in paths:
        for child in channel.clinic.get(f"/Encounter?part-of={path[1:]}").resources:
            channel.clinic.put(f"/Encounter/{child['id']}", child | {"text": LONG})
        Scene(channel.clinic).begin_closing(path)
    yield
    for path in paths:
        channel.clinic.patch(path, HIGH)


def answers(sending: SendingChannels) -> None:
    """Let staff write into threads, where Twilio takes a message, or refuses it."""
    numbers = count(10000)
    for policy, answer in product(POLICIES, (None, refuse)):
        sending.practice.configure(SESSION_POLICY=policy)
        sending.twilio.answer = answer
        threads = [sending.thread(contact=f"+155512{number}") for number in islice(numbers, 2)]
        messages = [sending.post(thread) for thread in threads]
        with half_closed(sending):
            sending.deliver()
        statuses = {sending.read(message)["status"] for message in messages}
        assert statuses == {"not-done" if answer else "in-progress"}


def refuse(handler: Any) -> None:
    handler.send(400, {"code": 21211})


def test_the_receiver_uses_every_permission_it_has_and_no_other(
    notes: Notes, channel: TextChannel
) -> None:
    texts(channel)
    channel.practice.configure(REFERENCE_CHECKS="local")
    channel.text("Bart again", "+15551231000")
    assert taken(notes, "channel_receiver") == granted("channel_receiver")


@pytest.mark.usefixtures("aws")
def test_dispatcher_and_sender_use_every_permission_they_have_and_no_other(
    notes: Notes, sending: SendingChannels
) -> None:
    answers(sending)
    for reference in (care.HOMER, care.ALICE):
        store(sending.clinic, reference)
    thread = sending.thread(contact="+15551240000")
    for header_id in (thread, thread, sending.thread("mail")):
        sending.post(header_id)
    sending.practice.configure(REFERENCE_CHECKS="local")
    sending.deliver()
    for function in ("channel_dispatcher", "channel_sender"):
        assert taken(notes, function) == granted(function)
