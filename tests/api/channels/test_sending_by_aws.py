"""Text messages and e-mails that AWS sends: what it is asked, and what it cannot be asked later."""

import socket
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from shared.channels.outbound import aws_sms, receipts, ses
from shared.channels.outbound.receipt_payloads import receipt_of_aws_sms, receipt_of_ses
from shared.fhir import instants
from tests.support import care
from tests.support.aws_server import AwsServer, Handler
from tests.support.sending_channels import AWS_NUMBER, MAIL, MARGE, MARGES_MAIL, SendingChannels

MAIL_SYSTEM = "urn:async-encounters:channel:mail"


@pytest.fixture(autouse=True)
def services(aws: AwsServer) -> AwsServer:
    return aws


def test_a_text_message_is_sent(sending: SendingChannels, aws: AwsServer) -> None:
    message_id = sending.post(sending.thread("aws"))
    sending.deliver()
    (asked,) = aws.requests
    assert asked == {
        "DestinationPhoneNumber": MARGE,
        "OriginationIdentity": AWS_NUMBER,
        "MessageBody": "Take it with food",
        "MessageType": "TRANSACTIONAL",
        "ConfigurationSetName": "messages",
        "Context": {"account": "aws", "message": message_id},
        "id": "message-1",
    }
    message = sending.read(message_id)
    assert message["identifier"][0]["value"] == "message-1"
    assert sending.waiting == []


def test_an_email_is_sent(sending: SendingChannels, aws: AwsServer) -> None:
    header_id = sending.thread("mail")
    message_id = sending.post(header_id, "Nimm es mit Öl\n\nAlice")
    sending.deliver()
    (asked,) = aws.requests
    assert asked["FromEmailAddress"] == MAIL
    assert asked["Destination"] == {"ToAddresses": [MARGES_MAIL]}
    assert asked["ConfigurationSetName"] == "mails"
    tags = {tag["Name"]: tag["Value"] for tag in asked["EmailTags"]}
    assert tags == {"account": "mail", "message": message_id.replace(".", "_")}
    (mail,) = aws.mails
    assert (mail["From"], mail["To"]) == (MAIL, MARGES_MAIL)
    assert mail["Subject"] == "A message from your clinic"
    assert mail["Reply-To"].startswith("care+")
    assert "In-Reply-To" not in mail
    assert mail.get_content().replace("\r\n", "\n").strip() == "Nimm es mit Öl\n\nAlice"
    message = sending.read(message_id)
    identifier = {"system": MAIL_SYSTEM, "value": "message-1@email.amazonses.com"}
    assert message["identifier"] == [identifier]


def test_an_email_has_seven_bits(sending: SendingChannels, aws: AwsServer) -> None:
    sending.post(sending.thread("mail"), "Grüße 👋")
    sending.deliver()
    assert b64decode(aws.requests[0]["Content"]["Raw"]["Data"]).isascii()
    assert aws.mails[0].get_content().strip() == "Grüße 👋"


def test_an_email_answers_the_last_ones_of_its_thread(
    sending: SendingChannels, aws: AwsServer
) -> None:
    header_id = sending.thread("mail")
    asked = {"sender": care.reference(care.HOMER), "sent": "2026-03-02T07:00:00Z"}
    identifier = [{"system": MAIL_SYSTEM, "value": "first@simpson.example"}]
    sending.post(header_id, "May I?", **asked, identifier=identifier)
    odd = [{"system": MAIL_SYSTEM, "value": "odd> <b@x"}]
    sending.post(header_id, "And?", **asked, identifier=odd)
    sending.post(header_id, "Yes", sent="2026-03-02T07:30:00Z")
    sending.deliver()
    sending.post(header_id, "With food", sent="2026-03-02T07:40:00Z")
    sending.deliver()
    first, second = aws.mails
    assert first["In-Reply-To"] == first["References"] == "<first@simpson.example>"
    assert second["In-Reply-To"] == "<message-1@email.amazonses.com>"
    assert second["References"] == "<first@simpson.example> <message-1@email.amazonses.com>"


def refused(status: int, code: str, **more: Any) -> Any:
    return lambda handler: handler.refuse(status, code, **more)


@pytest.mark.parametrize("account", ["aws", "mail"])
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "ThrottlingException"),
        (429, "TooManyRequestsException"),
        (400, "ServiceQuotaExceededException"),
        (400, "AccessDeniedException"),
        (503, "ServiceUnavailable"),
    ],
)
def test_what_aws_has_not_taken_is_tried_again(
    sending: SendingChannels, aws: AwsServer, account: str, status: int, code: str
) -> None:
    message_id = sending.post(sending.thread(account))
    aws.answer = refused(status, code)
    sending.deliver()
    assert len(aws.requests) == 1
    aws.answer = None
    sending.practice.now += timedelta(seconds=10)
    sending.deliver()
    assert len(aws.requests) == 2
    assert "identifier" in sending.read(message_id)


@pytest.mark.parametrize("account", ["aws", "mail"])
def test_a_service_that_cannot_be_reached_has_not_sent_it(
    sending: SendingChannels, aws: AwsServer, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for service in ("SESV2", "PINPOINT_SMS_VOICE_V2"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", "http://127.0.0.1:9")
    sending.post(sending.thread(account))
    sending.deliver()
    for service in ("SESV2", "PINPOINT_SMS_VOICE_V2"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", aws.url)
    ses.client.cache_clear()
    aws_sms.client.cache_clear()
    sending.practice.now += timedelta(seconds=10)
    sending.deliver()
    assert len(aws.requests) == 1


@contextmanager
def breaking_tls() -> Iterator[str]:
    """Yield the URL of a server that answers TLS by something else."""

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"no TLS")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, daemon=True).start()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("account", ["aws", "mail"])
def test_a_connection_whose_tls_fails_leaves_it_open_what_was_sent(
    sending: SendingChannels, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = sending.post(sending.thread(account))
    with breaking_tls() as url:
        for service in ("SESV2", "PINPOINT_SMS_VOICE_V2"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
        sending.deliver()
    sending.practice.now += timedelta(minutes=16)
    sending.deliver()
    assert sending.read(message_id)["status"] == "unknown"


def test_a_number_that_has_opted_out_at_aws_opts_out_here(
    sending: SendingChannels, aws: AwsServer
) -> None:
    reason = "DESTINATION_PHONE_NUMBER_OPTED_OUT"
    aws.answer = refused(400, "ConflictException", Reason=reason)
    header_id = sending.thread("aws")
    message_id = sending.post(header_id)
    sending.deliver()
    message = sending.read(message_id)
    codes = [coding["code"] for coding in message["statusReason"]["coding"]]
    assert codes == ["patient-objection", reason]
    assert "extension" in sending.read(header_id)


def test_a_refusal_says_nothing_of_what_aws_said(sending: SendingChannels, aws: AwsServer) -> None:
    aws.answer = refused(400, "MessageRejected")
    message_id = sending.post(sending.thread("mail"))
    sending.deliver()
    message = sending.read(message_id)
    assert message["status"] == "not-done"
    assert MARGE not in str(message["statusReason"])


@pytest.mark.parametrize("account", ["aws", "mail"])
@pytest.mark.parametrize("answer", [Handler.break_off, refused(500, "InternalServerException")])
def test_what_is_unknown_is_shown_to_staff_and_not_sent_again(
    sending: SendingChannels, aws: AwsServer, account: str, answer: Any
) -> None:
    aws.answer = answer
    message_id = sending.post(sending.thread(account))
    sending.deliver()
    aws.answer = None
    for minutes in (4, 12):
        sending.practice.now += timedelta(minutes=minutes)
        sending.deliver()
    assert len(aws.requests) == 1
    message = sending.read(message_id)
    assert message["status"] == "unknown"
    assert "not sent again" in message["statusReason"]["text"]
    assert sending.tasks() == ["delivery-unknown"]
    assert sending.waiting == []


def event_of_sms(message_id: str, kind: str, account: str = "aws") -> dict[str, Any]:
    return {
        "eventType": kind,
        "isFinal": kind == "TEXT_DELIVERED",
        "eventTimestamp": 1772438400000,
        "messageId": "message-1",
        "context": {"account": account, "message": message_id},
    }


def event_of_ses(message_id: str, kind: str, **details: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        "mail": {
            "messageId": "message-1",
            "source": MAIL,
            "tags": {"account": ["mail"], "message": [message_id.replace(".", "_")]},
        },
        kind.lower(): {"timestamp": "2026-03-02T08:01:00.000Z", **details},
    }


@pytest.mark.parametrize("account", ["aws", "mail"])
@pytest.mark.parametrize("is_late", [False, True])
def test_an_event_settles_what_was_unknown(
    sending: SendingChannels, aws: AwsServer, account: str, is_late: bool
) -> None:
    aws.answer = Handler.break_off
    message_id = sending.post(sending.thread(account))
    sending.deliver()
    if is_late:
        sending.practice.now += timedelta(minutes=16)
        sending.deliver()
    now = instants.now()
    if account == "aws":
        receipt = receipt_of_aws_sms(event_of_sms(message_id, "TEXT_SENT"), now)
    else:
        receipt = receipt_of_ses(event_of_ses(message_id, "Send"), now)
    assert receipt
    receipts.apply(receipt)
    sending.practice.now += timedelta(minutes=16)
    sending.deliver()
    message = sending.read(message_id)
    assert message["status"] == "in-progress"
    assert message["identifier"][0]["value"].startswith("message-1")
    assert "statusReason" not in message
    assert sending.waiting == []
