"""Deliveries by queue and topic: payloads as the providers' documentation has them."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.channels.inbound import deliveries
from tests.support import care
from tests.support.family import store
from tests.support.text_channel import TextChannel, form, ref, said

FIXTURES = Path(__file__).parents[2] / "fixtures" / "channels"


def payload(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def test_a_two_way_text_of_aws_becomes_a_message(channel: TextChannel) -> None:
    text = payload("aws-two-way-sms") | {"destinationNumber": "+15550100001"}
    for _ in range(3):
        channel.publish(text)
    (message,) = channel.messages()
    assert (said(message), ref(message["sender"])) == ("EXAMPLE", "tel:+14255550182")
    assert message["identifier"][0]["value"] == "cae173d2-66b9-564c-8309-21f858e9fb84"
    assert message["sent"] == message["received"]


def test_the_form_of_twilios_documentation_becomes_a_message(channel: TextChannel) -> None:
    fields = form("", "+1") | payload("twilio-message")
    channel.deliver(fields | {"AccountSid": "AC" + "0" * 32, "To": "+15550100000"})
    (message,) = channel.messages()
    assert (said(message), ref(message["sender"])) == ("Ahoy! 😊", "tel:+14155551212")


def test_the_number_of_no_account_is_kept_for_who_mends_it(channel: TextChannel) -> None:
    channel.publish(payload("aws-two-way-sms"))
    assert channel.threads() == []
    assert len(channel.queue.bodies) == 1


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        "[]",
        "{}",
        json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "x"}),
        json.dumps({"eventType": "TEXT_DELIVERED", "messageId": "x"}),
    ],
)
def test_notices_of_a_topic_are_nothing(channel: TextChannel, message: str) -> None:
    envelope = {"Message": message, "Timestamp": "2026-03-02T08:00:00.000Z"}
    deliveries.process(envelope, 1)
    assert channel.threads() == []


def test_a_status_is_a_receipt_which_waits_for_its_message(channel: TextChannel) -> None:
    fields = {
        "MessageSid": "SMout",
        "MessageStatus": "delivered",
        "AccountSid": "AC" + "0" * 32,
        "From": "+15550100000",
        "To": "+15551230001",
    }
    assert channel.call(fields, path="/status").status == 200
    assert len(channel.process()) == 1
    channel.practice.advance(26 * 3600)
    assert channel.process() == []
    assert channel.threads() == []


def test_what_fails_is_tried_again_after_longer_and_longer(channel: TextChannel) -> None:
    channel.publish(payload("aws-two-way-sms"))
    pauses = []
    for _ in range(9):
        (name,) = channel.queue.bodies
        pauses.append((channel.queue.visible[name] - channel.practice.now).total_seconds())
        channel.practice.now = channel.queue.visible[name]
        channel.process()
    assert pauses == [*deliveries.PAUSES, deliveries.PAUSES[-1]]


def test_what_came_once_comes_no_more_if_it_was_deleted_or_lost_its_identifier(
    channel: TextChannel,
) -> None:
    forms = [channel.text(text, "+15551230001") for text in ("Spam", "Hello")]
    spam, hello = channel.messages()
    channel.clinic.administrator.delete(f"/Communication/{spam['id']}")
    del hello["identifier"]
    assert channel.clinic.put(f"/Communication/{hello['id']}", hello).status == 200
    channel.deliver(*forms)
    assert [said(message) for message in channel.messages()] == ["Hello"]


def test_a_copied_task_is_in_nobodys_way(channel: TextChannel) -> None:
    channel.text("My back hurts", "+15551230001")
    (task,) = channel.clinic.get("/Task").resources
    channel.clinic.post("/Task", task)
    channel.text("Still", "+15551230001")
    assert len(channel.messages()) == 2
    store(channel.clinic, care.HOMER)
    url = f"/Communication/{channel.thread()['id']}/$match-sender"
    assert channel.clinic.post(url, care.parameters(("person", care.HOMER))).status == 200
    assert [status for status, *_ in channel.tasks()] == ["completed"] * 2
