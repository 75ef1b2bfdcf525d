"""How much a contact may write: what is more comes later, and nothing is lost."""

from shared.channels.inbound import deliveries
from tests.support.text_channel import TextChannel, form, said, twilio_account

HOMER, MARGE = "+15551230001", "+15551230002"


def test_what_is_too_much_in_an_hour_comes_in_the_next(channel: TextChannel) -> None:
    channel.configure(sms=twilio_account(messages_per_hour=2))
    forms = [form(f"Message {number}", HOMER) for number in range(5)]
    channel.deliver(*forms)
    channel.text("I am another", MARGE)
    assert [len(channel.messages(header["id"])) for header in channel.threads()] == [2, 1]
    assert len(channel.queue.bodies) == 3
    for _ in range(4):
        channel.practice.advance(3600)
        channel.process()
    first, _ = channel.threads()
    assert {said(message) for message in channel.messages(first["id"])} == {
        fields["Body"] for fields in forms
    }
    assert channel.queue.bodies == {}


def test_answers_to_help_count_too(channel: TextChannel) -> None:
    channel.configure(sms=twilio_account(messages_per_hour=2))
    channel.deliver(*(form("HELP", HOMER) for _ in range(5)))
    assert len(channel.messages()) == 2
    channel.text("STOP", HOMER)
    assert "extension" in channel.thread()


def test_repetitions_do_not_count(channel: TextChannel) -> None:
    channel.configure(sms=twilio_account(messages_per_hour=2))
    fields = form("My back hurts", HOMER)
    for _ in range(5):
        channel.deliver(fields)
    channel.text("Still", HOMER)
    assert len(channel.messages()) == 2


def test_help_is_answered_so_often_in_an_hour(channel: TextChannel) -> None:
    channel.configure(sms=twilio_account(messages_per_hour=2))
    for _ in range(3):
        channel.text("HELP", HOMER)
    assert len(channel.messages()) == 2
    channel.practice.advance(3600)
    channel.process()
    assert len(channel.messages()) == 3


def test_start_is_too_much_at_some_time_but_stop_is_not(channel: TextChannel) -> None:
    channel.configure(sms=twilio_account(messages_per_hour=1))
    for text in ("STOP", "START", "STOP", "START"):
        channel.text(text, HOMER)
    assert "extension" in channel.thread()
    channel.practice.advance(3600)
    channel.process()
    assert "extension" not in channel.thread()
    channel.text("STOP", HOMER)
    assert "extension" in channel.thread()


def test_what_is_too_much_for_many_hours_is_not_given_up(channel: TextChannel) -> None:
    channel.configure(sms=twilio_account(messages_per_hour=1))
    channel.deliver(form("First", HOMER), form("Second", HOMER))
    (name,) = channel.queue.bodies
    channel.queue.received[name] = deliveries.MOST_ATTEMPTS - 1
    channel.queue.visible.clear()
    channel.process()
    (copy,) = channel.queue.bodies
    assert copy != name
    channel.practice.advance(3600)
    channel.process()
    assert [said(message) for message in channel.messages()] == ["First", "Second"]
