"""E-mails in tests: what Amazon SES stores in S3 and says of it, and the receiver behind it."""

import json
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr
from itertools import count
from pathlib import Path
from typing import Any

from shared.fhir import instants
from tests.support.memory_objects import MemoryS3
from tests.support.text_channel import TextChannel

ADDRESS, ACCOUNT = "care@clinic.example", "mail"
KEY = "the key of the addresses of threads"
SYSTEM = f"urn:async-encounters:channel:{ACCOUNT}"
NOTIFICATION = Path(__file__).parents[1] / "fixtures/channels/ses-received.json"
MAILS = Path(__file__).parents[1] / "fixtures/mails"
_numbers = count(1)


def mail_account(**more: Any) -> dict[str, Any]:
    account = {"provider": "ses", "address": ADDRESS, "thread_key": KEY}
    return account | {"recipient": "Organization/clinic"} | more


def written(
    sender: str, text: str = "It itches.", *, to: str = ADDRESS, **headers: str
) -> EmailMessage:
    """Return a mail under a new id. Names of headers have `_` for `-`."""
    mail = EmailMessage()
    mail["Message-ID"] = headers.pop("Message_ID", f"<{next(_numbers)}@mail.example>")
    mail["From"], mail["To"] = sender, to
    mail["Subject"] = headers.pop("Subject", "My back")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def own_id(mail: EmailMessage) -> str:
    return str(mail["Message-ID"]).strip("<>")


def notification(
    objects: MemoryS3, raw: bytes, *recipients: str, **verdicts: str
) -> dict[str, Any]:
    """Store a mail as SES does, and return what SES says of it."""
    said: dict[str, Any] = json.loads(NOTIFICATION.read_text())
    mail = message_from_bytes(raw, policy=policy.default)
    number = f"ses-{next(_numbers)}"
    objects.put_object(Key=number, Body=raw)
    said["receipt"] |= {
        "recipients": [*recipients] or [ADDRESS],
        **{f"{name}Verdict": {"status": status} for name, status in verdicts.items()},
    }
    said["receipt"]["action"]["objectKey"] = said["mail"]["messageId"] = number
    said["mail"]["timestamp"] = instants.to_text(instants.now())
    said["mail"]["source"] = parseaddr(str(mail["From"]))[1]
    said["mail"]["headers"] = [{"name": name, "value": value} for name, value in mail.items()]
    said["mail"]["commonHeaders"] = {"from": mail.get_all("From", [])}
    return said


class MailChannel:
    """An account for e-mails, and the way of a mail from its provider to its thread."""

    def __init__(self, channel: TextChannel, objects: MemoryS3) -> None:
        self.channel, self.objects = channel, objects
        self.clinic = channel.clinic
        channel.configure(mail=mail_account())

    def notification(self, raw: bytes, *recipients: str, **verdicts: str) -> dict[str, Any]:
        """Store a mail as SES does, and return what SES says of it."""
        return notification(self.objects, raw, *recipients, **verdicts)

    def receive(self, mail: EmailMessage, *recipients: str, **verdicts: str) -> dict[str, Any]:
        """Let a mail come in, and process it. Return what SES said of it."""
        self.channel.practice.advance(1)
        to = recipients or (str(mail["To"]),)
        said = self.notification(mail.as_bytes(policy=policy.SMTP), *to, **verdicts)
        self.deliver(said)
        return said

    def deliver(self, said: dict[str, Any]) -> None:
        """Let SES tell of a mail, and process that."""
        self.channel.publish(said)
        assert not self.channel.queue.bodies

    def begun_by_staff(self, contact: str, **more: Any) -> str:
        """Let staff begin a thread with an address, and return its id."""
        header = {
            "resourceType": "Communication",
            "status": "in-progress",
            "identifier": [{"system": SYSTEM, "value": f"{contact}/begun"}],
            "recipient": [{"reference": "Organization/clinic"}],
            **more,
        }
        answer = self.clinic.post("/Communication", header)
        assert answer.status == 201, answer.text
        return str(answer.id)

    def sent_by_staff(self, header_id: str, mail_id: str) -> None:
        """Post a message of staff into a thread, as it is when it was sent."""
        message = {
            "resourceType": "Communication",
            "status": "in-progress",
            "identifier": [{"system": SYSTEM, "value": mail_id}],
            "partOf": [{"reference": f"Communication/{header_id}"}],
            "sender": {"reference": "Practitioner/doctor-alice-smith"},
            "payload": [{"contentString": "How are you?"}],
        }
        answer = self.clinic.post("/Communication", message)
        assert answer.status == 201, answer.text
