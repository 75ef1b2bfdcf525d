"""Text messages in tests: a provider's signed webhooks, the queue behind them, the receiver."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from typing import Any
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator

from functions import channel_receiver
from shared.channels import accounts
from shared.fhir import instants
from shared.settings import settings
from shared.store import queues
from tests.support.api_client import ORIGIN, Answer, ApiClient
from tests.support.memory_secrets import store_secret
from tests.support.practice import Practice

INBOUND = "https://sqs.us-east-1.amazonaws.com/123456789012/inbound"
TOKEN, SID = "token-of-twilio", "AC" + "0" * 32
NUMBER, AWS_NUMBER = "+15550100000", "+15550100001"
CLINIC = "Organization/clinic"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
FORM = "application/x-www-form-urlencoded"
_ids = count(1)


def twilio_account(**more: Any) -> dict[str, Any]:
    account = {"provider": "twilio", "number": NUMBER, "account_sid": SID, "auth_token": TOKEN}
    return account | {"recipient": CLINIC} | more


def aws_account(**more: Any) -> dict[str, Any]:
    return {"provider": "aws-sms", "number": AWS_NUMBER, "recipient": CLINIC} | more


def accounts_text(**by_name: dict[str, Any]) -> str:
    """Return the secret of some accounts."""
    return json.dumps({"accounts": by_name})


def form(text: str, sender: str, **more: str) -> dict[str, str]:
    """Return the form of a text message as Twilio sends it, under a new id."""
    own_id = f"SM{next(_ids):032x}"
    return {
        "ToCountry": "US",
        "SmsMessageSid": own_id,
        "NumMedia": "0",
        "SmsSid": own_id,
        "SmsStatus": "received",
        "Body": text,
        "To": NUMBER,
        "NumSegments": "1",
        "MessageSid": own_id,
        "AccountSid": SID,
        "From": sender,
        "ApiVersion": "2010-04-01",
        **more,
    }


@dataclass
class InboundQueue:
    """A client of a queue that keeps its messages, and may deliver each again."""

    bodies: dict[str, str] = field(default_factory=dict)
    visible: dict[str, datetime] = field(default_factory=dict)
    received: dict[str, int] = field(default_factory=dict)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:
        assert QueueUrl == INBOUND
        for entry in Entries:
            self.bodies[str(next(_ids))] = entry["MessageBody"]
        return {"Successful": Entries}

    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> Any:
        assert QueueUrl == INBOUND
        self.visible[ReceiptHandle] = instants.now() + timedelta(seconds=VisibilityTimeout)
        return {}

    def record(self, name: str) -> dict[str, Any]:
        self.received[name] = self.received.get(name, 0) + 1
        return {
            "messageId": name,
            "receiptHandle": name,
            "body": self.bodies[name],
            "attributes": {"ApproximateReceiveCount": str(self.received[name])},
            "eventSource": "aws:sqs",
        }


class TextChannel:
    """The accounts of a clinic, and the way of a text message from its provider to its thread."""

    def __init__(self, practice: Practice, patch: pytest.MonkeyPatch, secrets: Any) -> None:
        self.practice, self.clinic = practice, practice.clinic
        self.patch, self.secrets = patch, secrets
        self.queue = InboundQueue()
        self.arn = store_secret(secrets, accounts_text())
        patch.setenv("CHANNELS_SECRET_ARN", self.arn)
        patch.setenv("INBOUND_QUEUE_URL", INBOUND)
        settings.cache_clear()
        patch.setattr(queues, "client", cache(lambda: self.queue))
        self.configure(sms=twilio_account(), aws=aws_account())
        self.clinic.put(
            f"/{CLINIC}", {"resourceType": "Organization", "id": "clinic", "name": "Clinic"}
        )

    def configure(self, **by_name: dict[str, Any]) -> None:
        """Replace the accounts, as if the functions had just started."""
        self.rotate(**by_name)
        accounts.renew.cache_clear()
        accounts.renew()

    def rotate(self, **by_name: dict[str, Any]) -> None:
        """Replace the accounts, which functions that run have read already."""
        text = accounts_text(**by_name)
        self.secrets.put_secret_value(SecretId=self.arn, SecretString=text)
        accounts.renew.cache_clear()

    def call(
        self,
        fields: Mapping[str, str],
        *,
        account: str = "sms",
        path: str = "",
        token: str = TOKEN,
        signature: str | None = None,
    ) -> Answer:
        """Call the webhook as Twilio does, signed by its own library."""
        url = f"{ORIGIN}/channels/sms/{account}{path}"
        if signature is None:
            signature = RequestValidator(token).compute_signature(url, dict(fields))
        return ApiClient().call(
            "POST", url, urlencode(fields), content_type=FORM, x_twilio_signature=signature
        )

    def text(self, text: str, sender: str, **more: str) -> dict[str, str]:
        """Let a text message come in, and process it. Return the form that brought it."""
        fields = form(text, sender, **more)
        self.deliver(fields)
        return fields

    def deliver(self, *forms: Mapping[str, str]) -> None:
        """Let messages come in, and process them."""
        for fields in forms:
            self.practice.advance(1)
            answer = self.call(fields)
            assert answer.status == 200, answer.text
        self.process()

    def publish(self, said: Any, at: datetime | None = None) -> None:
        """Let a topic's notification come in, and process it."""
        self.practice.advance(1)
        self.tell(said, at)
        self.process()

    def tell(self, said: Any, at: datetime | None = None) -> None:
        """Let a topic's notification come in."""
        envelope = {
            "Type": "Notification",
            "TopicArn": "arn:aws:sns:us-east-1:123456789012:channels",
            "Message": json.dumps(said),
            "Timestamp": instants.to_text(at or instants.now()),
        }
        self.queue.send_message_batch(
            QueueUrl=INBOUND, Entries=[{"MessageBody": json.dumps(envelope)}]
        )

    def process(self) -> list[str]:
        """Process what the queue may deliver now. Return what stays in it."""
        for name in list(self.queue.bodies):
            if self.queue.visible.get(name, instants.now()) <= instants.now():
                self.process_one(name)
        return list(self.queue.bodies)

    def process_again(self, name: str) -> None:
        """Process a message of the queue, which stays there to be delivered again."""
        answer = channel_receiver.handler({"Records": [self.queue.record(name)]}, None)
        assert not answer["batchItemFailures"]

    def process_one(self, name: str) -> None:
        """Process a message of the queue, which is deleted if that succeeds."""
        answer = channel_receiver.handler({"Records": [self.queue.record(name)]}, None)
        if not answer["batchItemFailures"]:
            del self.queue.bodies[name]

    def threads(self) -> list[dict[str, Any]]:
        """Return the headers of all threads, the oldest first."""
        found = self.clinic.get("/Communication?part-of:missing=true&_sort=_lastUpdated")
        return sorted(found.resources, key=lambda header: str(header["id"]))

    def thread(self) -> dict[str, Any]:
        """Return the only thread."""
        (header,) = self.threads()
        return header

    def messages(self, header_id: str = "") -> list[dict[str, Any]]:
        """Return the messages of a thread, or of the only one, in order."""
        own = header_id or self.thread()["id"]
        return self.clinic.get(
            f"/Communication?part-of=Communication/{own}&_sort=sent&_count=200"
        ).resources

    def tasks(self) -> list[tuple[str, str, str]]:
        """Return status, code and focus of each Task."""
        return [
            (task["status"], task["code"]["coding"][0]["code"], task["focus"]["reference"])
            for task in self.clinic.get("/Task").resources
        ]


def said(message: dict[str, Any]) -> str:
    """Return the text of a message."""
    parts = message.get("payload", ())
    return "\n".join(part["contentString"] for part in parts if "contentString" in part)


def ref(element: dict[str, Any] | None) -> str:
    """Return a reference, or the URI of a logical one."""
    if not element:
        return ""
    return str(element.get("reference") or element["identifier"]["value"])
