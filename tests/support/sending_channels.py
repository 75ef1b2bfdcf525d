"""Messages out in tests: accounts, and the way from a write to the provider, which a test walks."""

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from functions import channel_dispatcher, channel_sender
from shared.rules import channels
from shared.settings import settings
from shared.store import deployment_secrets, queues
from tests.support import audit_pipeline, care
from tests.support.api_client import BASE, ApiClient
from tests.support.memory_secrets import store_secret
from tests.support.practice import Practice
from tests.support.subscription_pipeline import MemoryQueues, Message
from tests.support.twilio_server import TwilioServer

_QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012"
CHANGES, OUTBOUND = f"{_QUEUES}/channel-changes", f"{_QUEUES}/outbound"
INBOUND = f"{_QUEUES}/inbound"
SID, TOKEN = f"AC{'0' * 32}", "token-of-the-account"
CREDENTIALS = f"{SID}:{TOKEN}"
NUMBER, AWS_NUMBER = "+15551230000", "+15551230009"
MARGE = "+15551230001"
MAIL, MARGES_MAIL = "care@clinic.example", "marge@simpson.example"
ALICE = "Practitioner/doctor-alice-smith"

TWILIO: dict[str, Any] = {
    "provider": "twilio",
    "number": NUMBER,
    "recipient": "Organization/clinic",
    "account_sid": SID,
    "auth_token": TOKEN,
}
AWS_SMS: dict[str, Any] = {
    "provider": "aws-sms",
    "number": AWS_NUMBER,
    "recipient": "Organization/clinic",
    "configuration_set": "messages",
}
SES: dict[str, Any] = {
    "provider": "ses",
    "address": MAIL,
    "recipient": "Organization/clinic",
    "thread_key": "a-key-of-the-clinic",
    "configuration_set": "mails",
}


@dataclass
class SendingChannels:
    """A practice whose staff write by text messages and e-mails.

    The accounts are `text` (Twilio), `aws` and `mail`.
    """

    practice: Practice
    patch: pytest.MonkeyPatch
    secrets: Any
    twilio: TwilioServer
    queues: MemoryQueues = field(default_factory=MemoryQueues)
    _seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        environment = {
            "CHANNEL_CHANGE_QUEUE_URL": CHANGES,
            "OUTBOUND_QUEUE_URL": OUTBOUND,
            "INBOUND_QUEUE_URL": INBOUND,
            "TWILIO_URL": self.twilio.url,
            "PUBLIC_BASE_URL": BASE,
        }
        self.practice.configure(**environment)
        self.patch.setattr(queues, "client", cache(lambda: self.queues))
        self.set_accounts()

    @property
    def clinic(self) -> ApiClient:
        return self.practice.clinic

    def set_accounts(self, **more: Any) -> None:
        """Set the accounts. `more` changes what all of them have."""
        named = {"text": TWILIO, "aws": AWS_SMS, "mail": SES}
        accounts = {name: account | more for name, account in named.items()}
        self.set_secret({"accounts": accounts})

    def set_secret(self, content: Any) -> None:
        """Store the secret with the accounts, or another one."""
        if arn := settings().channels_secret:
            self.secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(content))
            deployment_secrets.clear_cache()
        else:
            arn = store_secret(self.secrets, json.dumps(content))
            self.practice.configure(CHANNELS_SECRET_ARN=arn)

    def thread(self, account: str = "text", contact: str = "", **more: Any) -> str:
        """Begin a thread with Marge, and return the id of its header."""
        known = MARGES_MAIL + "/1" if account == "mail" else MARGE
        identifier = [channels.identifier(account, contact or known)]
        return self.practice.post_header(identifier=identifier, **more)

    def post(self, header_id: str, text: str = "Take it with food", **more: Any) -> str:
        """Post a message of the clinic, and return its id."""
        message = self.message(header_id, text, **more)
        answer = self.clinic.post("/Communication", message)
        assert answer.status == 201, answer.text
        return answer.id

    def message(self, header_id: str, text: str, **more: Any) -> dict[str, Any]:
        people = {"sender": care.reference(ALICE), "recipient": [care.reference(care.HOMER)]}
        return care.message(header_id, **{**people, "payload": [{"contentString": text}], **more})

    def read(self, message_id: str) -> dict[str, Any]:
        body: dict[str, Any] = self.clinic.get(f"/Communication/{message_id}").body
        return body

    def tasks(self) -> list[str]:
        """Return the codes of the Tasks that staff are asked to do."""
        found = self.clinic.get("/Task?status=requested").resources
        return [task["code"]["coding"][0]["code"] for task in found]

    @property
    def waiting(self) -> list[Message]:
        """Return the messages of the outbound queue."""
        return list(self.queues.messages[OUTBOUND].values())

    def dispatch(self) -> None:
        """Look through what was written since the last call."""
        rows = [
            row for row in audit_pipeline.write_event_rows() if row["pk"]["S"] not in self._seen
        ]
        self._seen |= {row["pk"]["S"] for row in rows}
        audit_pipeline.deliver_stream_rows(sorted(rows, key=lambda row: str(row["pk"]["S"])))
        self.queues.pass_on(CHANGES, channel_dispatcher.handler)

    def deliver(self) -> None:
        """Look through what was written since the last call, and send what may be sent now."""
        self.dispatch()
        self.queues.pass_on(OUTBOUND, channel_sender.handler)
        self.dispatch()
