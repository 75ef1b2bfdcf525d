"""Receipts are read from what providers send, as their documentation shows it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.channels import accounts
from shared.channels.account_models import MailAccount
from shared.channels.outbound.receipt_payloads import (
    receipt_of_aws_sms,
    receipt_of_ses,
    receipt_of_twilio,
)
from shared.channels.outbound.receipts import Receipt

RECEIVED = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture(autouse=True)
def of_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    mail = MailAccount.model_validate(
        {
            "name": "mail",
            "provider": "ses",
            "address": "Care@clinic.example",
            "recipient": "Organization/clinic",
            "thread_key": "a-key-of-the-clinic",
        }
    )
    monkeypatch.setattr(accounts, "all_accounts", lambda: {"mail": mail})


def outcome(receipt: Receipt | None) -> str:
    """Return what a receipt says, in short."""
    assert receipt
    failed = f"failed {receipt.failure.reason}" if receipt.failure else ""
    opted_out = "opted out" if receipt.is_opt_out else ""
    delivered = "delivered" if receipt.is_delivered else ""
    return ", ".join(filter(None, (delivered, failed, opted_out))) or "sent"


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        ("accepted", "", "sent"),
        ("queued", "", "sent"),
        ("sending", "", "sent"),
        ("sent", "", "sent"),
        ("delivered", "", "delivered"),
        ("read", "", "delivered"),
        ("undelivered", "30003", "failed recipient-unavailable"),
        ("undelivered", "30005", "failed invalid-phone-number"),
        ("failed", "30007", "failed system-error"),
        ("failed", "99999", "failed system-error"),
        ("failed", "", "failed system-error"),
        ("failed", "21610", "failed patient-objection, opted out"),
        ("canceled", "", "failed system-error"),
        ("sent", "21610", "sent"),
    ],
)
def test_a_status_of_twilio(status: str, code: str, said: str) -> None:
    fields = {
        "MessageSid": "SM0123",
        "SmsSid": "SM0123",
        "SmsStatus": status,
        "MessageStatus": status,
        "From": "+15551230000",
        "To": "+15551230001",
        "AccountSid": "AC0123",
        "ApiVersion": "2010-04-01",
    } | ({"ErrorCode": code} if code else {})
    receipt = receipt_of_twilio("text", fields, RECEIVED)
    assert receipt
    assert outcome(receipt) == said
    assert (receipt.account, receipt.id, receipt.at) == ("text", "SM0123", RECEIVED)


def test_another_webhook_of_twilio_is_no_receipt() -> None:
    assert receipt_of_twilio("text", {"MessageSid": "SM0123", "Body": "Hello"}, RECEIVED) is None


def sms_event(**more: Any) -> dict[str, Any]:
    return {
        "eventType": "TEXT_SUCCESSFUL",
        "eventVersion": "1.0",
        "eventTimestamp": 1686975103470,
        "isFinal": True,
        "originationPhoneNumber": "+12065550152",
        "destinationPhoneNumber": "+14255550156",
        "isoCountryCode": "US",
        "mcc": "310",
        "mnc": "800",
        "messageId": "862a8790-60c0-4430-9b2b-658bdexample",
        "messageRequestTimestamp": 1686975103170,
        "messageEncoding": "GSM",
        "messageType": "PROMOTIONAL",
        "messageStatus": "SUCCESSFUL",
        "messageStatusDescription": "Message has been accepted by phone carrier",
        "context": {"account": "aws", "message": "thread.message"},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.09582,
        "totalCarrierFee": 0.0,
        **more,
    }


@pytest.mark.parametrize(
    ("kind", "is_final", "said"),
    [
        ("TEXT_PENDING", False, "sent"),
        ("TEXT_QUEUED", False, "sent"),
        ("TEXT_SENT", False, "sent"),
        ("TEXT_SUCCESSFUL", True, "delivered"),
        ("TEXT_SUCCESSFUL", False, "sent"),
        ("TEXT_DELIVERED", True, "delivered"),
        ("TEXT_BLOCKED", True, "failed patient-objection"),
        ("TEXT_CARRIER_BLOCKED", True, "failed system-error"),
        ("TEXT_CARRIER_UNREACHABLE", False, "sent"),
        ("TEXT_CARRIER_UNREACHABLE", True, "failed recipient-unavailable"),
        ("TEXT_INVALID", True, "failed invalid-phone-number"),
        ("TEXT_INVALID_MESSAGE", True, "failed system-error"),
        ("TEXT_PROTECT_BLOCKED", True, "failed system-error"),
        ("TEXT_SPAM", True, "failed system-error"),
        ("TEXT_TTL_EXPIRED", True, "failed recipient-unavailable"),
        ("TEXT_UNREACHABLE", True, "failed recipient-unavailable"),
        ("TEXT_UNKNOWN", True, "sent"),
        ("TEXT_OF_LATER", True, "sent"),
    ],
)
def test_an_event_about_a_text_message(kind: str, is_final: bool, said: str) -> None:
    receipt = receipt_of_aws_sms(sms_event(eventType=kind, isFinal=is_final), RECEIVED)
    assert receipt
    assert outcome(receipt) == said
    assert (receipt.account, receipt.message) == ("aws", "thread.message")
    assert receipt.id == "862a8790-60c0-4430-9b2b-658bdexample"
    assert receipt.at == datetime(2023, 6, 17, 4, 11, 43, 470_000, UTC)


@pytest.mark.parametrize("context", [{}, {"campaign": "x"}, None])
def test_an_event_about_a_text_message_of_others_is_no_receipt(context: Any) -> None:
    assert receipt_of_aws_sms(sms_event(context=context), RECEIVED) is None


def mail_event(kind: str, details: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "eventType": kind,
        kind.lower(): details,
        "mail": {
            "timestamp": "2017-08-05T00:40:02.012Z",
            "source": "care@clinic.example",
            "sendingAccountId": "123456789012",
            "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
            "destination": ["recipient@example.com"],
            "tags": {
                "ses:configuration-set": ["ConfigSet"],
                "account": ["mail"],
                "message": ["thread_message"],
            },
            **more,
        },
    }


def bounce(kind: str, subtype: str = "General", **recipient: str) -> dict[str, Any]:
    return {
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": [{"emailAddress": "recipient@example.com", **recipient}],
        "timestamp": "2017-08-05T00:41:02.669Z",
    }


FAILED = {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
COMPLAINT = {"timestamp": "2017-08-05T00:41:02.669Z", "complaintFeedbackType": "abuse"}


@pytest.mark.parametrize(
    ("kind", "details", "said"),
    [
        ("Send", {}, "sent"),
        ("Delivery", {"timestamp": "2017-08-05T00:41:02.669Z"}, "delivered"),
        ("DeliveryDelay", {"timestamp": "2017-08-05T00:41:02.669Z"}, "sent"),
        ("Bounce", bounce("Permanent", **FAILED), "failed recipient-unavailable, opted out"),
        ("Bounce", bounce("Permanent"), "failed recipient-unavailable, opted out"),
        ("Bounce", bounce("Transient", "MailboxFull", **FAILED), "failed recipient-unavailable"),
        ("Bounce", bounce("Transient"), "sent"),
        ("Bounce", bounce("Undetermined", "Undetermined"), "sent"),
        ("Complaint", COMPLAINT, "opted out"),
        (
            "Complaint",
            COMPLAINT | {"complaintSubType": "OnAccountSuppressionList"},
            "failed system-error, opted out",
        ),
        ("Reject", {"reason": "Bad content"}, "failed system-error"),
        ("Open", {"timestamp": "2017-08-05T00:41:02.669Z"}, "sent"),
    ],
)
def test_an_event_about_an_email(kind: str, details: dict[str, Any], said: str) -> None:
    receipt = receipt_of_ses(mail_event(kind, details), RECEIVED)
    assert receipt
    assert outcome(receipt) == said
    assert (receipt.account, receipt.message) == ("mail", "thread.message")
    own_id = "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000"
    assert receipt.id == f"{own_id}@email.amazonses.com"
    at = datetime(2017, 8, 5, 0, 41, 2, 669_000, UTC)
    assert receipt.at == (at if "timestamp" in details else RECEIVED)


def test_a_notification_about_an_address_is_known_by_it() -> None:
    event = mail_event("Delivery", {"timestamp": "2017-08-05T00:41:02.669Z"})
    del event["mail"]["tags"]
    event["notificationType"] = event.pop("eventType")
    receipt = receipt_of_ses(event, RECEIVED)
    assert receipt
    assert (receipt.account, receipt.message) == ("mail", "")
    assert outcome(receipt) == "delivered"


def test_an_event_about_an_email_of_others_is_no_receipt() -> None:
    event = mail_event("Send", {}, tags={}, source="news@clinic.example")
    assert receipt_of_ses(event, RECEIVED) is None


def test_an_email_that_came_in_is_no_receipt() -> None:
    """Even one that pretends to come from the account itself."""
    event = mail_event("Received", {}, tags={})
    event["notificationType"] = event.pop("eventType")
    assert receipt_of_ses(event, RECEIVED) is None
