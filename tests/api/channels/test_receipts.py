"""Receipts are noted in their message, whenever and however often they come."""

import json
from datetime import timedelta
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from functions import channel_receiver
from shared.channels.outbound import receipts
from shared.channels.outbound.receipts import Receipt
from shared.errors import Transient
from shared.fhir import instants
from shared.rules.deliveries import OBJECTION, UNAVAILABLE, Failure
from shared.store import channel_queues
from tests.support import care
from tests.support.aws_server import AwsServer
from tests.support.sending_channels import INBOUND, MAIL, SendingChannels
from tests.support.subscriptions import replaced
from tests.support.twilio_server import Handler

OFF = Failure(UNAVAILABLE, "The phone is off", "https://www.twilio.com/docs/api/errors", "30003")


def receipt(provider_id: str, account: str = "text", **said: Any) -> Receipt:
    now = instants.now()
    return Receipt(**{"account": account, "id": provider_id, "at": now, "received": now, **said})


def sent_message(sending: SendingChannels, header_id: str = "") -> tuple[str, str]:
    """Send a message by Twilio, and return its id and its SID."""
    message_id = sending.post(header_id or sending.thread())
    sending.deliver()
    return message_id, sending.twilio.sids[-1]


def hear(sending: SendingChannels, body: Any) -> None:
    """Pass what a provider says through the inbound queue."""
    channel_queues.send_inbound([json.dumps(body)])
    sending.queues.pass_on(INBOUND, channel_receiver.handler)


def published(event: Any) -> dict[str, str]:
    """Return an event as SNS puts it on a queue."""
    at = "2026-03-02T08:00:01.000Z"
    return {"Type": "Notification", "Message": json.dumps(event), "Timestamp": at}


def test_a_status_of_twilio_comes_by_its_webhook(sending: SendingChannels) -> None:
    message_id, sid = sent_message(sending)
    for status in ("sent", "delivered"):
        fields = {"MessageSid": sid, "MessageStatus": status}
        at = "2026-03-02T08:00:01.000Z"
        known = {"provider": "twilio", "kind": "status", "account": "text"}
        hear(sending, {**known, "fields": fields, "received": at})
    message = sending.read(message_id)
    assert (message["status"], message["received"]) == ("completed", at)


def test_an_event_about_a_text_message_comes_by_sns(
    sending: SendingChannels, aws: AwsServer
) -> None:
    message_id = sending.post(sending.thread("aws"))
    sending.deliver()
    event = {"eventType": "TEXT_BLOCKED", "messageId": aws.ids[0], "isFinal": True}
    hear(sending, published({**event, "context": aws.requests[0]["Context"]}))
    assert sending.read(message_id)["status"] == "not-done"
    assert sending.tasks() == ["not-delivered"]


def test_an_event_about_an_email_comes_by_sns(sending: SendingChannels, aws: AwsServer) -> None:
    message_id = sending.post(sending.thread("mail"))
    sending.deliver()
    tags = {tag["Name"]: [tag["Value"]] for tag in aws.requests[0]["EmailTags"]}
    mail = {"messageId": aws.ids[0], "source": MAIL, "tags": tags}
    delivery = {"timestamp": "2026-03-02T08:00:01.000Z"}
    hear(sending, published({"eventType": "Delivery", "mail": mail, "delivery": delivery}))
    message = sending.read(message_id)
    assert (message["status"], message["received"]) == ("completed", delivery["timestamp"])


def test_a_message_that_was_delivered_is_completed(sending: SendingChannels) -> None:
    message_id, sid = sent_message(sending)
    at = instants.now() + timedelta(seconds=3)
    receipts.apply(receipt(sid, is_delivered=True, at=at))
    message = sending.read(message_id)
    assert message["status"] == "completed"
    assert message["received"] == instants.to_text(at)


def test_a_message_that_failed_says_why_and_asks_staff(sending: SendingChannels) -> None:
    message_id, sid = sent_message(sending)
    for _ in range(3):
        receipts.apply(receipt(sid, failure=OFF))
    message = sending.read(message_id)
    assert message["status"] == "not-done"
    assert message["statusReason"]["text"] == "The phone is off"
    assert sending.tasks() == ["not-delivered"]


def test_a_repeated_receipt_writes_nothing(sending: SendingChannels) -> None:
    message_id, sid = sent_message(sending)
    said = receipt(sid, is_delivered=True)
    receipts.apply(said)
    version = sending.read(message_id)["meta"]["versionId"]
    for _ in range(5):
        receipts.apply(said)
    assert sending.read(message_id)["meta"]["versionId"] == version


def test_any_order_of_receipts_ends_the_same(sending: SendingChannels) -> None:
    now = instants.now()
    said: list[dict[str, Any]] = [
        {"is_delivered": True, "at": now + timedelta(seconds=1)},
        {"is_delivered": True, "at": now + timedelta(seconds=2)},
        {},
        {"failure": OFF},
    ]
    for order in permutations(said):
        message_id, sid = sent_message(sending)
        for one in order:
            receipts.apply(receipt(sid, **one))
        message = sending.read(message_id)
        assert message["status"] == "completed"
        assert message["received"] == instants.to_text(now + timedelta(seconds=1))


def test_an_email_that_comes_back_was_not_delivered(
    sending: SendingChannels, aws: AwsServer
) -> None:
    for is_first in (True, False):
        header_id = sending.thread("mail", f"marge@simpson.example/{is_first}")
        message_id = sending.post(header_id)
        sending.deliver()
        of_mail = partial(receipt, f"{aws.ids[-1]}@email.amazonses.com", "mail")
        bounce = of_mail(failure=OFF, is_opt_out=True)
        for one in [of_mail(is_delivered=True), bounce][:: 1 if is_first else -1]:
            receipts.apply(one)
        message = sending.read(message_id)
        assert message["status"] == "not-done"
        assert "received" not in message
        assert "extension" in sending.read(header_id)


def test_an_opt_out_at_the_carrier_holds_here(sending: SendingChannels) -> None:
    header_id = sending.thread()
    message_id, sid = sent_message(sending, header_id)
    opted_out = Failure(OBJECTION, "Opted out", "codes", "21610")
    receipts.apply(receipt(sid, failure=opted_out, is_opt_out=True))
    assert sending.read(message_id)["status"] == "not-done"
    refused = sending.clinic.post("/Communication", sending.message(header_id, "Hello?"))
    assert refused.status == 422


def test_a_complaint_opts_out_and_leaves_the_message_as_it_is(sending: SendingChannels) -> None:
    header_id = sending.thread()
    message_id, sid = sent_message(sending, header_id)
    receipts.apply(receipt(sid, is_delivered=True))
    receipts.apply(receipt(sid, is_opt_out=True))
    assert sending.read(message_id)["status"] == "completed"
    assert "extension" in sending.read(header_id)
    assert sending.tasks() == []


@pytest.mark.parametrize("what", ["deleted", "taken back"])
def test_an_opt_out_holds_whatever_became_of_the_message(
    sending: SendingChannels, what: str
) -> None:
    header_id = sending.thread()
    message_id, sid = sent_message(sending, header_id)
    if what == "deleted":
        sending.clinic.administrator.delete(f"/Communication/{message_id}")
    else:
        draft = replaced("/status", "preparation")
        sending.clinic.patch(f"/Communication/{message_id}", draft)
    receipts.apply(receipt(sid, is_opt_out=True))
    assert "extension" in sending.read(header_id)


def test_a_receipt_before_the_messages_own_id_waits_for_it(sending: SendingChannels) -> None:
    def answer(handler: Handler) -> None:
        handler.place.take(handler.form)
        handler.break_off()

    sending.twilio.answer = answer
    message_id = sending.post(sending.thread())
    sending.deliver()
    said = receipt(sending.twilio.sids[0], is_delivered=True)
    with pytest.raises(Transient):
        receipts.apply(said)
    sending.practice.now += timedelta(minutes=4)
    sending.deliver()
    assert sending.read(message_id)["status"] == "in-progress"
    receipts.apply(said)
    assert sending.read(message_id)["status"] == "completed"


def test_a_receipt_of_a_message_that_nobody_knows_ends(sending: SendingChannels) -> None:
    said = receipt("SM-of-another-application")
    with pytest.raises(Transient):
        receipts.apply(said)
    sending.practice.now += timedelta(hours=26)
    receipts.apply(said)


def test_a_receipt_of_an_account_that_is_gone_ends(sending: SendingChannels) -> None:
    _, sid = sent_message(sending)
    receipts.apply(receipt(sid, account="another", is_delivered=True))


def test_a_receipt_that_names_another_accounts_message_changes_nothing(
    sending: SendingChannels,
) -> None:
    ordinary_id = sending.post(sending.practice.post_header())
    message_id, _ = sent_message(sending)
    for named in (ordinary_id, message_id, "not an id", "nobodys-id"):
        said = receipt("message-1", account="aws", message=named, is_delivered=True)
        if named == "not an id":
            with pytest.raises(Transient):
                receipts.apply(said)
        else:
            receipts.apply(said)
    for unchanged in (ordinary_id, message_id):
        assert sending.read(unchanged)["status"] == "in-progress"


@pytest.mark.parametrize("status", ["entered-in-error", "stopped", "preparation"])
def test_a_message_that_staff_retracted_stays_so(sending: SendingChannels, status: str) -> None:
    message_id, sid = sent_message(sending)
    sending.clinic.patch(f"/Communication/{message_id}", replaced("/status", status))
    receipts.apply(receipt(sid, failure=OFF))
    receipts.apply(receipt(sid, is_delivered=True))
    assert sending.read(message_id)["status"] == status
    assert sending.tasks() == []


@pytest.mark.parametrize("deletes", ["message", "header"])
def test_a_receipt_of_what_was_deleted_ends(sending: SendingChannels, deletes: str) -> None:
    header_id = sending.thread()
    message_id, sid = sent_message(sending, header_id)
    deleted = message_id if deletes == "message" else header_id
    sending.clinic.administrator.delete(f"/Communication/{deleted}")
    receipts.apply(receipt(sid, is_delivered=True))


def test_a_session_counts_the_message_whatever_became_of_it(
    sending: SendingChannels, thread_policy: object
) -> None:
    assert thread_policy
    header_id = sending.thread()
    question = {"sender": care.reference(care.HOMER)}
    sending.post(header_id, "It hurts", **question)
    _, sid = sent_message(sending, header_id)
    session = sending.practice.session()
    receipts.apply(receipt(sid, failure=OFF))
    assert len(sending.practice.messages(session)) == 2
