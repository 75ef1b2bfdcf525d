"""A receiver that is killed at any call leaves nothing double, and loses nothing."""

from collections.abc import Callable
from functools import partial
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.store import dynamodb, s3
from tests.support import care
from tests.support.family import BART, LISA, OF_BART, OF_LISA, link_records, store, store_relative
from tests.support.memory_database import CallHooks
from tests.support.receiver import Receiver
from tests.support.text_channel import PNG, TextChannel, form, said, twilio_account

HOMER, MARGE = "+15551230001", "+15551230002"
_CONTACTS = count(1_000_000)


class Killed(BaseException):
    """The function is gone. Nothing catches this."""


class KillingHooks(CallHooks):
    """Kill the function at its n-th call of the database, just before or just after it."""

    def __init__(self, moment: str, number: int) -> None:
        self.moment, self.left = moment, number

    def before(self, call: str) -> None:
        self._count("before", call)

    def after(self, call: str) -> None:
        self._count("after", call)

    def _count(self, moment: str, call: str) -> None:
        if moment == self.moment:
            self.left -= 1
            if self.left == 0:
                raise Killed(call)


def is_killed(run: Callable[[], object], moment: str, number: int) -> bool:
    """Run something that is killed at its n-th call; return False if it makes fewer calls."""
    database = dynamodb.client()
    database.hooks = KillingHooks(moment, number)
    try:
        run()
    except Killed:
        return True
    finally:
        database.hooks = CallHooks()
    return False


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.usefixtures("many_calls")
def test_killed_at_any_call_a_message_with_a_picture_is_there_once(
    pictures: TextChannel, provider: Receiver, moment: str
) -> None:
    pictures.practice.configure(SESSION_POLICY="thread")
    for number in count(1):
        contact = f"+1555{next(_CONTACTS)}"
        url = {"MediaUrl0": f"{provider.url}/ME1", "MediaContentType0": "image/png"}
        pictures.call(form("My rash", contact, **url))
        (name,) = pictures.queue.bodies
        was_killed = is_killed(partial(pictures.process_again, name), moment, number)
        pictures.practice.advance(600)
        pictures.process()
        header, message = only(pictures, contact)
        (_, attachment) = message["payload"]
        binary = pictures.clinic.get(f"/{attachment['contentAttachment']['url']}", accept="image/*")
        assert binary.content == PNG
        tasks = pictures.clinic.get(f"/Task?focus=Communication/{header['id']}").resources
        assert len(tasks) == 1
        sessions = pictures.clinic.get("/Encounter?_count=200").resources
        assert len(sessions) == number
        if not was_killed:
            break
    assert number > 15
    assert len(s3.client().bodies) == number


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("keyword", ["STOP", "HELP"])
@pytest.mark.usefixtures("many_calls")
def test_killed_at_any_call_a_keyword_is_obeyed_once(
    channel: TextChannel, keyword: str, moment: str
) -> None:
    for number in count(1):
        contact = f"+1555{next(_CONTACTS)}"
        channel.call(form(keyword, contact))
        (name,) = channel.queue.bodies
        was_killed = is_killed(partial(channel.process_again, name), moment, number)
        channel.practice.advance(600)
        channel.process()
        (header,) = headers_of(channel, contact)
        assert ("extension" in header) is (keyword == "STOP")
        assert len(channel.messages(header["id"])) == (keyword == "HELP")
        if not was_killed:
            break
    assert number > 5


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.usefixtures("many_calls")
def test_killed_at_any_call_matching_goes_on_where_it_was_broken_off(
    channel: TextChannel, moment: str
) -> None:
    channel.practice.configure(SESSION_POLICY="thread")
    store(channel.clinic, care.HOMER)
    for number in count(1):
        contact = f"+1555{next(_CONTACTS)}"
        for text in ("a", "b", "c", "d", "e"):
            channel.text(text, contact)
        (header,) = headers_of(channel, contact)
        url = f"/Communication/{header['id']}/$match-sender"
        person = care.parameters(("person", care.HOMER))
        was_killed = is_killed(partial(channel.clinic.post, url, person), moment, number)
        assert channel.clinic.post(url, person).status == 200
        messages = channel.messages(header["id"])
        assert {message["sender"]["reference"] for message in messages} == {care.HOMER}
        assert [said(message) for message in messages] == ["a", "b", "c", "d", "e"]
        tasks = channel.clinic.get(f"/Task?focus=Communication/{header['id']}").resources
        assert [task["status"] for task in tasks] == ["completed"]
        if not was_killed:
            break
    assert number > 10


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    people=st.lists(st.sampled_from(["homer", "marge", "nobody"]), min_size=1, max_size=6),
    repeated=st.lists(st.integers(0, 5), max_size=6),
    kills=st.lists(st.integers(0, 40), max_size=6),
    chance=st.randoms(use_true_random=False),
)
@pytest.mark.usefixtures("many_calls")
def test_repeated_reordered_and_killed_each_text_is_there_once_in_its_thread(
    family_of: TextChannel,
    people: list[str],
    repeated: list[int],
    kills: list[int],
    chance: Random,
) -> None:
    own = {"homer": HOMER, "marge": MARGE, "nobody": f"+1555{next(_CONTACTS)}"}
    family_of.queue.bodies.clear()
    forms = [form(f"Text {number}", own[person]) for number, person in enumerate(people)]
    for fields in forms:
        family_of.practice.advance(1)
        family_of.call(fields)
    names = list(family_of.queue.bodies)
    order = [*names, *(names[number % len(names)] for number in repeated)]
    chance.shuffle(order)
    for name, number in zip(order, [*kills, *([0] * len(order))], strict=False):
        is_killed(partial(family_of.process_again, name), "after", number)
    family_of.practice.advance(600)
    assert family_of.process() == []
    for fields in forms:
        identifier = f"urn:async-encounters:channel:sms|{fields['MessageSid']}"
        (message,) = family_of.clinic.get(f"/Communication?identifier={identifier}").resources
        assert said(message) == fields["Body"]
        (header,) = headers_of(family_of, fields["From"])
        assert message["partOf"][0]["reference"] == f"Communication/{header['id']}"


@pytest.fixture
def family_of(channel: TextChannel) -> TextChannel:
    channel.configure(sms=twilio_account(messages_per_hour=10_000))
    numbers: dict[str, dict[str, Any]] = {
        number: {"telecom": [{"system": "sms", "value": number}]} for number in (HOMER, MARGE)
    }
    store(channel.clinic, care.HOMER, **numbers[HOMER])
    for person, patient in ((OF_BART, BART), (OF_LISA, LISA)):
        store(channel.clinic, patient)
        store_relative(channel.clinic, person, patient, **numbers[MARGE])
    link_records(channel.clinic, OF_BART, OF_LISA)
    return channel


def headers_of(channel: TextChannel, contact: str) -> list[dict[str, Any]]:
    identifier = f"urn:async-encounters:channel:sms|{contact}"
    found: list[dict[str, Any]] = channel.clinic.get(
        f"/Communication?identifier={identifier}"
    ).resources
    return found


def only(channel: TextChannel, contact: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the only header of a contact, and its only message."""
    (header,) = headers_of(channel, contact)
    (message,) = channel.messages(header["id"])
    return header, message
