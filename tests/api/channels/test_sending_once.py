"""A message is sent once, whatever is repeated, and wherever the sender ends."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import pytest

from functions import channel_sender
from shared.channels.outbound import sending as outbound_sending
from shared.channels.outbound.orders import Order
from shared.channels.outbound.unsent import Postponed
from shared.store import dynamodb
from tests.support.aws_server import AwsServer
from tests.support.memory_database import CallHooks
from tests.support.sending_channels import MARGE, NUMBER, SendingChannels
from tests.support.subscriptions import replaced
from tests.support.twilio_server import Handler

# As the template's queue.
MOST_DELIVERIES = 40


class Crash(BaseException):
    """The function ends here, as Lambda ends one that runs into its time-out."""


class CrashAt(CallHooks):
    """Hooks that end the function before or after its call of a number."""

    def __init__(self, number: int, *, after: bool) -> None:
        self.number, self.is_after, self.made = number, after, 0
        self.has_crashed = False

    def before(self, _call: str) -> None:
        self.made += 1
        if not self.is_after:
            self._crash()

    def after(self, _call: str) -> None:
        if self.is_after:
            self._crash()

    def _crash(self) -> None:
        if self.made == self.number and not self.has_crashed:
            self.has_crashed = True
            raise Crash


@contextmanager
def hooks(place: CallHooks) -> Iterator[None]:
    database: Any = dynamodb.client()
    database.hooks = place
    yield
    database.hooks = CallHooks()


def pass_time(sending: SendingChannels, minutes: float = 4) -> None:
    sending.practice.now += timedelta(minutes=minutes)


def test_a_hundred_deliveries_send_once(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread())
    sending.dispatch()
    (message,) = sending.waiting
    for number in range(100):
        message.received = number + 1
        message.first_received = sending.practice.now
        channel_sender.handler({"Records": [message.record()]}, None)
    assert sending.twilio.texts == ["Take it with food"]
    assert len(sending.read(message_id)["identifier"]) == 1


def test_a_hundred_deliveries_at_once_send_once(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread())
    order, barrier = Order("-", message_id, "text"), threading.Barrier(10)

    def deliver(_number: int) -> None:
        barrier.wait()
        for _ in range(10):
            with suppress(Postponed):
                outbound_sending.send(order)

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(deliver, range(10)))
    assert sending.twilio.texts == ["Take it with food"]
    assert sending.read(message_id)["identifier"][0]["value"] == sending.twilio.sids[0]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 16))
def test_a_crash_at_any_call_of_the_database_sends_once(
    sending: SendingChannels, number: int, after: bool
) -> None:
    sending.set_accounts(first_notice="Reply STOP to stop")
    message_id = sending.post(sending.thread())
    sending.dispatch()
    place = CrashAt(number, after=after)
    with hooks(place), suppress(Crash):
        sending.deliver()
    for _ in range(3):
        pass_time(sending)
        sending.deliver()
    assert sending.twilio.texts == ["Take it with food\n\nReply STOP to stop"]
    message = sending.read(message_id)
    assert message["identifier"][0]["value"] == sending.twilio.sids[0]
    assert message["status"] == "in-progress"
    assert sending.waiting == []


@pytest.mark.parametrize("account", ["aws", "mail"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(1, 16))
def test_a_crash_never_sends_twice_by_aws(
    sending: SendingChannels, aws: AwsServer, account: str, number: int, after: bool
) -> None:
    message_id = sending.post(sending.thread(account))
    sending.dispatch()
    with hooks(CrashAt(number, after=after)), suppress(Crash):
        sending.deliver()
    for _ in range(2):
        pass_time(sending, minutes=16)
        sending.deliver()
    message = sending.read(message_id)
    assert sending.waiting == []
    if message["status"] == "unknown":
        # It may have been sent, or the function may have ended just before.
        assert len(aws.requests) <= 1
        assert sending.tasks() == ["delivery-unknown"]
    else:
        assert message["identifier"][0]["value"].startswith(aws.ids[0])
        assert len(aws.requests) == 1


def test_a_message_takes_less_calls_than_are_crashed_at(sending: SendingChannels) -> None:
    sending.set_accounts(first_notice="Reply STOP to stop")
    sending.post(sending.thread())
    sending.dispatch()
    place = CrashAt(0, after=False)
    with hooks(place):
        sending.deliver()
    assert place.made < 16


@pytest.mark.parametrize("is_taken", [True, False])
def test_twilio_is_asked_about_a_call_that_it_did_not_answer(
    sending: SendingChannels, is_taken: bool
) -> None:
    def break_off(handler: Handler) -> None:
        if is_taken:
            handler.place.take(handler.form)
        handler.break_off()

    message_id = sending.post(sending.thread())
    sending.twilio.answer = break_off
    sending.deliver()
    sending.twilio.answer = None
    assert "identifier" not in sending.read(message_id)
    pass_time(sending, minutes=2)
    sending.deliver()
    assert sending.twilio.lists == 0
    pass_time(sending, minutes=2)
    sending.deliver()
    assert sending.twilio.lists == 1
    assert sending.twilio.texts == ["Take it with food"]
    assert sending.read(message_id)["identifier"][0]["value"] == sending.twilio.sids[0]
    assert len(sending.twilio.forms) == (1 if is_taken else 2)


@pytest.mark.parametrize("status", [500, 502, 504, 302])
def test_an_answer_that_says_nothing_is_asked_about(sending: SendingChannels, status: int) -> None:
    def fail(handler: Handler) -> None:
        handler.place.take(handler.form)
        handler.send(status, {})

    sending.post(sending.thread())
    sending.twilio.answer = fail
    sending.deliver()
    pass_time(sending)
    sending.deliver()
    assert len(sending.twilio.forms) == 1
    assert sending.waiting == []


@pytest.mark.parametrize("status", [429, 503, 401, 403])
def test_what_was_not_taken_is_tried_again_with_growing_pauses(
    sending: SendingChannels, status: int
) -> None:
    message_id = sending.post(sending.thread())
    sending.twilio.answer = lambda handler: handler.send(status, {"code": 20429})
    pauses = []
    for _ in range(11):
        sending.deliver()
        (waiting,) = sending.waiting
        pauses.append((waiting.visible - sending.practice.now).total_seconds())
        sending.practice.now = waiting.visible
    assert pauses == [10, 60, 300, 900, 1800, 3600, 7200, 14400, 21600, 36000, 36000]
    sending.twilio.answer = None
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]
    assert sending.read(message_id)["status"] == "in-progress"
    assert sending.twilio.lists == 0


@pytest.mark.parametrize("status", [500, 503])
def test_a_provider_that_takes_nothing_is_given_up_before_the_queue_does_so(
    sending: SendingChannels, status: int
) -> None:
    message_id = sending.post(sending.thread())
    sending.twilio.answer = lambda handler: handler.send(status, {})
    sending.deliver()
    for _ in range(MOST_DELIVERIES - 1):
        if sending.waiting:
            (waiting,) = sending.waiting
            sending.practice.now = waiting.visible
            sending.deliver()
    assert sending.waiting == []
    message = sending.read(message_id)
    assert message["status"] == "not-done"
    assert "for a day" in message["statusReason"]["text"]
    assert sending.tasks() == ["not-delivered"]
    assert len(sending.twilio.forms) < 20


def test_staff_are_asked_before_the_queue_gives_up(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread())
    sending.twilio.answer = lambda handler: handler.break_off()
    sending.twilio.list_answer = lambda handler: handler.send(500, {})
    sending.deliver()
    for _ in range(MOST_DELIVERIES - 1):
        if sending.waiting:
            (waiting,) = sending.waiting
            sending.practice.now = waiting.visible
            sending.deliver()
    assert sending.waiting == []
    assert sending.read(message_id)["status"] == "unknown"


def test_a_provider_that_takes_nothing_for_a_day_is_given_up(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread())
    sending.twilio.answer = lambda handler: handler.send(503, {})
    sending.deliver()
    pass_time(sending, minutes=24 * 60)
    sending.deliver()
    assert sending.waiting == []
    message = sending.read(message_id)
    assert message["status"] == "not-done"
    assert "for a day" in message["statusReason"]["text"]
    assert sending.tasks() == ["not-delivered"]


def test_a_provider_that_cannot_be_reached_has_not_sent_it(sending: SendingChannels) -> None:
    sending.practice.configure(TWILIO_URL="http://127.0.0.1:9")
    sending.post(sending.thread())
    sending.deliver()
    sending.practice.configure(TWILIO_URL=sending.twilio.url)
    sending.practice.now += timedelta(seconds=10)
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]
    assert sending.twilio.lists == 0


def test_an_equal_text_of_before_is_not_taken_for_the_message(sending: SendingChannels) -> None:
    header_id = sending.thread()
    sending.post(header_id, "Yes")
    sending.deliver()
    second_id = sending.post(header_id, "Yes")
    sending.twilio.answer = lambda handler: handler.break_off()
    sending.deliver()
    sending.twilio.answer = None
    pass_time(sending)
    sending.deliver()
    assert sending.twilio.texts == ["Yes", "Yes"]
    assert sending.read(second_id)["identifier"][0]["value"] == sending.twilio.sids[1]


def test_a_text_whose_white_space_twilio_changed_is_recognized(sending: SendingChannels) -> None:
    def trim(handler: Handler) -> None:
        form = dict(handler.form)
        handler.place.take([*(form | {"Body": " ".join(form["Body"].split())}).items()])
        handler.break_off()

    sending.twilio.answer = trim
    sending.post(sending.thread(), "Take it\r\nwith  food\n")
    sending.deliver()
    pass_time(sending)
    sending.deliver()
    assert len(sending.twilio.forms) == 1
    assert sending.waiting == []


def test_two_equal_texts_of_which_one_was_taken_are_both_sent(sending: SendingChannels) -> None:
    def take_first(handler: Handler) -> None:
        if len(handler.place.forms) == 1:
            handler.place.take(handler.form)
        handler.break_off()

    header_id = sending.thread()
    ids = [sending.post(header_id, "Yes"), sending.post(header_id, "Yes")]
    sending.twilio.answer = take_first
    sending.deliver()
    sending.twilio.answer = None
    for _ in range(3):
        pass_time(sending)
        sending.deliver()
    assert sending.twilio.texts == ["Yes", "Yes"]
    known = [sending.read(message_id)["identifier"][0]["value"] for message_id in ids]
    assert sorted(known) == sorted(sending.twilio.sids)


def test_a_text_that_was_corrected_meanwhile_is_recognized_as_it_was_sent(
    sending: SendingChannels,
) -> None:
    def take_silently(handler: Handler) -> None:
        handler.place.take(handler.form)
        handler.break_off()

    message_id = sending.post(sending.thread(), "Wrong")
    sending.twilio.answer = take_silently
    sending.deliver()
    sending.twilio.answer = None
    sending.practice.put_changes(
        f"/Communication/{message_id}", payload=[{"contentString": "Right"}]
    )
    pass_time(sending)
    sending.deliver()
    assert sending.twilio.texts == ["Wrong"]


def test_a_message_that_was_taken_back_after_it_was_sent_is_not_sent_again(
    sending: SendingChannels,
) -> None:
    def take_silently(handler: Handler) -> None:
        handler.place.take(handler.form)
        handler.break_off()

    message_id = sending.post(sending.thread())
    sending.twilio.answer = take_silently
    sending.deliver()
    sending.twilio.answer = None
    sending.clinic.patch(f"/Communication/{message_id}", replaced("/status", "preparation"))
    pass_time(sending)
    sending.deliver()
    assert sending.waiting == []
    sending.clinic.patch(f"/Communication/{message_id}", replaced("/status", "in-progress"))
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]
    assert sending.read(message_id)["identifier"][0]["value"] == sending.twilio.sids[0]


def test_a_message_is_found_on_a_later_page(sending: SendingChannels) -> None:
    def take_silently(handler: Handler) -> None:
        handler.place.take(handler.form)
        handler.break_off()

    sending.post(sending.thread())
    sending.twilio.page = 1
    sending.twilio.answer = take_silently
    sending.deliver()
    for text in ("Another", "A third"):
        sending.twilio.take([("To", MARGE), ("From", NUMBER), ("Body", text)])
    pass_time(sending)
    sending.deliver()
    assert sending.twilio.lists == 3
    assert sending.waiting == []


def test_twilio_is_asked_again_until_it_tells(sending: SendingChannels) -> None:
    sending.post(sending.thread())
    sending.twilio.answer = lambda handler: handler.break_off()
    sending.deliver()
    sending.twilio.answer = None
    sending.twilio.list_answer = lambda handler: handler.send(503, {})
    pass_time(sending)
    sending.deliver()
    assert len(sending.waiting) == 1
    sending.twilio.list_answer = None
    pass_time(sending)
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]


def test_staff_are_asked_if_twilio_does_not_tell_for_a_day(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread())
    sending.twilio.answer = lambda handler: handler.break_off()
    sending.deliver()
    sending.twilio.list_answer = lambda handler: handler.send(503, {})
    pass_time(sending, minutes=24 * 60)
    sending.deliver()
    assert sending.read(message_id)["status"] == "unknown"
    assert sending.tasks() == ["delivery-unknown"]
    assert sending.waiting == []
