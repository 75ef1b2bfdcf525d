"""How much a contact may write: what is more comes later, and nothing is lost."""

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
