"""Make the examples of what comes in and goes out: `uv run python -m tests.tools.channel_samples`.

Each is an event of a function, for `sam local invoke`. Those of providers are as their
documentation has them, about numbers and addresses that nobody has. The webhooks are signed with
the token of ACCOUNTS, which is the text of the secret that goes with them.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from shared.catalog.interactions import CHANNELS_PATH
from shared.channels.inbound import twilio
from shared.channels.outbound.orders import Order
from shared.packaging.build import ROOT

EVENTS = ROOT / "events"
SMS, AWS_SMS, MAIL = "clinic-sms", "clinic-aws-sms", "clinic-mail"
TOKEN = "0123456789abcdef" * 2
ACCOUNT_SID = f"AC{TOKEN}"
CONTACT, NUMBER, AWS_NUMBER = "+15551230001", "+15551230000", "+15551239999"
ADDRESS, CONTACT_ADDRESS = "care@clinic.example", "homer@simpson.example"
ACCOUNTS = {
    "accounts": {
        SMS: {
            "provider": "twilio",
            "recipient": "Organization/clinic",
            "number": NUMBER,
            "account_sid": ACCOUNT_SID,
            "auth_token": TOKEN,
        },
        AWS_SMS: {
            "provider": "aws-sms",
            "recipient": "Organization/clinic",
            "number": AWS_NUMBER,
        },
        MAIL: {
            "provider": "ses",
            "recipient": "Organization/clinic",
            "address": ADDRESS,
            "thread_key": TOKEN,
        },
    }
}
HOST = "encounters.execute-api.us-east-1.amazonaws.com"
TOPIC = "arn:aws:sns:us-east-1:123456789012:channels"
AT, AT_MS = "2026-11-21T12:00:00.091Z", 1795262400091
MESSAGE_SID = "SM2e1424d4f796459a81849c92662be6da"
THREAD = "01M7YZ0TYTZMWDJ4B6Z5MXHB90"
MESSAGE = f"{THREAD}.01M7YZMHJVZMWDJ4B6Z5MXHB91"

# https://www.twilio.com/docs/messaging/guides/webhook-request
TWILIO_MESSAGE = {
    "MessageSid": MESSAGE_SID,
    "SmsSid": MESSAGE_SID,
    "AccountSid": ACCOUNT_SID,
    "From": CONTACT,
    "To": NUMBER,
    "Body": "My back hurts",
    "NumMedia": "0",
    "NumSegments": "1",
    "SmsStatus": "received",
    "ApiVersion": "2010-04-01",
}
# https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
TWILIO_STATUS = {
    "MessageSid": MESSAGE_SID,
    "MessageStatus": "delivered",
    "AccountSid": ACCOUNT_SID,
    "From": NUMBER,
    "To": CONTACT,
    "ApiVersion": "2010-04-01",
}
# https://docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms-payload.html
AWS_SMS_MESSAGE = {
    "originationNumber": CONTACT,
    "destinationNumber": AWS_NUMBER,
    "messageKeyword": "KEYWORD_123456789012",
    "messageBody": "My back hurts",
    "inboundMessageId": "cae173d2-66b9-564c-8309-21f858e9fb84",
    "previousPublishedMessageId": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
}
# https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html
AWS_SMS_EVENT = {
    "eventType": "TEXT_DELIVERED",
    "eventVersion": "1.0",
    "eventTimestamp": AT_MS,
    "isFinal": True,
    "originationPhoneNumber": AWS_NUMBER,
    "destinationPhoneNumber": CONTACT,
    "isoCountryCode": "US",
    "messageId": "862a8790-60c0-4430-9b2b-658bdexample",
    "messageRequestTimestamp": AT_MS - 300,
    "messageEncoding": "GSM",
    "messageType": "TRANSACTIONAL",
    "messageStatus": "DELIVERED",
    "messageStatusDescription": "Message has been accepted by phone",
    "context": {"account": AWS_SMS, "message": MESSAGE},
    "totalMessageParts": 1,
    "totalMessagePrice": 0.00581,
    "totalCarrierFee": 0.003,
}
_PASS = {"status": "PASS"}
_MAIL_ID = "<CAFexample@simpson.example>"
# https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
SES_MAIL: dict[str, Any] = {
    "notificationType": "Received",
    "mail": {
        "timestamp": AT,
        "source": CONTACT_ADDRESS,
        "messageId": "d6iitobk75ur44p8kdnnp7g2n800",
        "destination": [ADDRESS],
        "headersTruncated": False,
        "headers": [
            {"name": "From", "value": CONTACT_ADDRESS},
            {"name": "To", "value": ADDRESS},
            {"name": "Subject", "value": "Back pain"},
            {"name": "Message-ID", "value": _MAIL_ID},
        ],
        "commonHeaders": {
            "returnPath": CONTACT_ADDRESS,
            "from": [CONTACT_ADDRESS],
            "to": [ADDRESS],
            "messageId": _MAIL_ID,
            "subject": "Back pain",
        },
    },
    "receipt": {
        "timestamp": AT,
        "processingTimeMillis": 574,
        "recipients": [ADDRESS],
        "spamVerdict": _PASS,
        "virusVerdict": _PASS,
        "spfVerdict": _PASS,
        "dkimVerdict": _PASS,
        "dmarcVerdict": _PASS,
        "action": {
            "type": "S3",
            "topicArn": TOPIC,
            "bucketName": "mails",
            "objectKeyPrefix": "",
            "objectKey": "d6iitobk75ur44p8kdnnp7g2n800",
        },
    },
}
# https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html
SES_EVENT = {
    "eventType": "Delivery",
    "mail": {
        "timestamp": AT,
        "source": ADDRESS,
        "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/clinic.example",
        "sendingAccountId": "123456789012",
        "messageId": "0100019example-11111111-2222-4333-8444-555555555555-000000",
        "destination": [CONTACT_ADDRESS],
        "headersTruncated": False,
        "headers": [],
        "commonHeaders": {},
        "tags": {"account": [MAIL], "message": [MESSAGE]},
    },
    "delivery": {
        "timestamp": AT,
        "processingTimeMillis": 11893,
        "recipients": [CONTACT_ADDRESS],
        "smtpResponse": "250 2.6.0 Message received",
        "reportingMTA": "mta.example",
    },
}
CHANGES = {
    "transactions": [
        {
            "id": "01M7YZMHJVZMWDJ4B6Z5MXHB71",
            "tenant": "-",
            "at": AT,
            "written": [[f"Communication/{MESSAGE}", 1, "C"]],
        }
    ]
}
ORDER = Order("-", MESSAGE, SMS)


def samples() -> Iterator[tuple[Path, str]]:
    """Yield the file and the text of each example."""
    for name, event in _events():
        yield EVENTS / f"{name}.json", f"{json.dumps(event, indent=2)}\n"


def _events() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "channel_webhook", _webhook("", TWILIO_MESSAGE)
    yield "channel_webhook/status", _webhook("/status", TWILIO_STATUS)
    for name, body in (
        ("", _queued("message", TWILIO_MESSAGE)),
        ("/twilio_status", _queued("status", TWILIO_STATUS)),
        ("/aws_sms_message", _notification(AWS_SMS_MESSAGE)),
        ("/aws_sms_event", _notification(AWS_SMS_EVENT)),
        ("/ses_mail", _notification(SES_MAIL)),
        ("/ses_event", _notification(SES_EVENT)),
    ):
        yield f"channel_receiver{name}", _message("inbound", json.dumps(body))
    changes = json.dumps(CHANGES, separators=(",", ":"))
    yield "channel_dispatcher", _message("channel-changes", changes)
    yield "channel_sender", _message("outbound", ORDER.dumps())


def _queued(kind: str, fields: dict[str, str]) -> dict[str, Any]:
    """Return what the webhook queues."""
    said = {"provider": "twilio", "kind": kind, "account": SMS}
    return {**said, "fields": fields, "received": AT}


def _notification(said: dict[str, Any]) -> dict[str, Any]:
    """Return what SNS puts into a queue.

    https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
    """
    return {
        "Type": "Notification",
        "MessageId": "ef96d18f-e3d6-4286-aafb-0d9fb7ca7072",
        "TopicArn": TOPIC,
        "Message": json.dumps(said),
        "Timestamp": AT,
        "SignatureVersion": "1",
    }


def _message(queue: str, body: str) -> dict[str, Any]:
    """Return the event of one message of a queue.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
    """
    received = {
        "messageId": "2e1424d4-f796-459a-8184-9c92662be6da",
        "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(AT_MS),
            "SenderId": "AIDAIENQZJOLO23YVJ4VO",
            "ApproximateFirstReceiveTimestamp": str(AT_MS + 1),
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:123456789012:{queue}",
        "awsRegion": "us-east-1",
    }
    return {"Records": [received]}


def _webhook(end: str, fields: dict[str, str]) -> dict[str, Any]:
    """Return the gateway's event of a webhook that Twilio calls."""
    path = f"{CHANNELS_PATH}/sms/{SMS}{end}"
    route = f"POST {CHANNELS_PATH}/sms/{{account}}{end}"
    form = urlencode(fields)
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "content-length": str(len(form)),
            "content-type": "application/x-www-form-urlencoded",
            "host": HOST,
            "user-agent": "TwilioProxy/1.1",
            "x-forwarded-for": "192.0.2.10",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            "x-twilio-signature": twilio.signature(
                TOKEN, f"https://{HOST}{path}", [*fields.items()]
            ),
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "encounters",
            "domainName": HOST,
            "domainPrefix": "encounters",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.10",
                "userAgent": "TwilioProxy/1.1",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": route,
            "stage": "$default",
            "time": "21/Nov/2026:12:00:00 +0000",
            "timeEpoch": AT_MS,
        },
        "pathParameters": {"account": SMS},
        "isBase64Encoded": True,
        "body": b64encode(form.encode()).decode(),
    }


if __name__ == "__main__":
    for path, text in samples():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
