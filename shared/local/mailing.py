"""E-mails to and from the service that `serve --channels` runs, as Amazon SES handles them.

The emulator has S3, SNS and the sending half of SES. What SES does besides is done here: a receipt
rule, which stores a mail and tells of it, and events about what was sent.
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

import argparse
import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, getaddresses, make_msgid, parseaddr
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx

from shared.fhir import instants
from shared.local import channels
from shared.local.emulator import Emulator
from shared.local.operating import add_port
from shared.local.stack import physical_id

PASS, FAIL = {"status": "PASS"}, {"status": "FAIL"}
_POLL_SECONDS = 1


def receive(running: Emulator, mail: EmailMessage, *, is_proven: bool = True) -> str:
    """Have an e-mail come in, and return its Message-ID.

    It is stored in S3, and the topic is told, as by a receipt rule. `is_proven` is whether SPF,
    DKIM and DMARC find it to be its sender's.
    """
    bucket, key = physical_id(running, "MailBucket"), secrets.token_hex(20)
    raw = mail.as_bytes(policy=SMTP)
    running.client("s3").put_object(Bucket=bucket, Key=key, Body=raw)
    _publish(running, _notification(mail, bucket, key, PASS if is_proven else FAIL))
    return str(mail["Message-ID"]).strip("<>")


def _now() -> str:
    """Return the current instant by the clock of the emulator, which tests do not set."""
    return instants.to_text(instants.from_nanoseconds(time.time_ns()))  # noqa: TID251 - as said


def _publish(running: Emulator, said: dict[str, Any]) -> None:
    topic = physical_id(running, "ChannelTopic")
    running.client("sns").publish(TopicArn=topic, Message=json.dumps(said))


def _notification(
    mail: EmailMessage, bucket: str, key: str, verdict: dict[str, str]
) -> dict[str, Any]:
    now = _now()
    sender = parseaddr(str(mail["From"]))[1]
    recipients = [address for _, address in getaddresses(map(str, mail.get_all("To", [])))]
    return {
        "notificationType": "Received",
        "mail": {
            "timestamp": now,
            "source": sender,
            "messageId": key,
            "destination": recipients,
            "headersTruncated": False,
            "headers": [{"name": name, "value": str(value)} for name, value in mail.items()],
            "commonHeaders": {
                "returnPath": sender,
                "from": [str(mail["From"])],
                "to": [*map(str, mail.get_all("To", []))],
                "messageId": str(mail["Message-ID"]),
                "subject": str(mail["Subject"] or ""),
            },
        },
        "receipt": {
            "timestamp": now,
            "processingTimeMillis": 100,
            "recipients": recipients,
            "spamVerdict": PASS,
            "virusVerdict": PASS,
            **dict.fromkeys(("spfVerdict", "dkimVerdict", "dmarcVerdict"), verdict),
            "action": {"type": "S3", "bucketName": bucket, "objectKeyPrefix": "", "objectKey": key},
        },
    }


@contextmanager
def telling_of_sent(running: Emulator, tell: Callable[[str], object]) -> Iterator[None]:
    """Pass a line about each e-mail that is sent to `tell`, and have it delivered, to the end."""
    stopped = Event()
    thread = Thread(target=_tell_of_sent, args=(running, tell, stopped), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def _tell_of_sent(running: Emulator, tell: Callable[[str], object], stopped: Event) -> None:
    for mail in _sent_mails(running, stopped):
        said = f"{mail['Subject']}: {mail['BodyText'].strip()}"
        tell(f"e-mail to {', '.join(mail['To'])}: {said}")
        _publish(running, _delivery(mail))


def _sent_mails(running: Emulator, stopped: Event) -> Iterator[dict[str, Any]]:
    """Yield the e-mails that the service sends, each when SES has it."""
    count = 0
    with httpx.Client(timeout=60) as client:
        while not stopped.wait(_POLL_SECONDS):
            answer = client.get(f"{running.url}/_ministack/ses/messages").json()
            mails = [mail for of_account in answer["messages"].values() for mail in of_account]
            yield from mails[count:]
            count = len(mails)


def _delivery(mail: dict[str, Any]) -> dict[str, Any]:
    now = _now()
    return {
        "eventType": "Delivery",
        "mail": {
            "timestamp": now,
            "source": mail["Source"],
            "messageId": mail["MessageId"].partition("@")[0],
            "destination": mail["To"],
            "tags": {},
        },
        "delivery": {
            "timestamp": now,
            "processingTimeMillis": 100,
            "recipients": mail["To"],
            "smtpResponse": "250 2.6.0 Message received",
            "reportingMTA": "mta.example",
        },
    }


def mail(arguments: argparse.Namespace) -> None:
    """Have an e-mail come in at the service that `serve --channels` runs."""
    running = Emulator(arguments.port)
    received = _from_file(arguments.file) if arguments.file else _written(running, arguments)
    print(receive(running, received, is_proven=not arguments.unverified))


def _from_file(path: Path) -> EmailMessage:
    mail = message_from_bytes(path.read_bytes(), policy=SMTP)
    if "Message-ID" not in mail:
        mail["Message-ID"] = make_msgid(domain="example.org")
    return mail


def _written(running: Emulator, arguments: argparse.Namespace) -> EmailMessage:
    mail = EmailMessage(SMTP)
    mail["From"] = arguments.sender
    mail["To"] = arguments.to or channels.mail_account(running).address
    mail["Subject"] = arguments.subject
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = make_msgid(domain="example.org")
    if arguments.in_reply_to:
        mail["In-Reply-To"] = f"<{arguments.in_reply_to}>"
    mail.set_content(arguments.text)
    return mail


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `mail`."""
    add_port(command)
    command.add_argument("--from", dest="sender", metavar="ADDRESS", default="")
    command.add_argument("--to", metavar="ADDRESS", default="", help="the clinic's, if left out")
    command.add_argument("--subject", default="", help="what it is about")
    command.add_argument(
        "--in-reply-to", metavar="ID", default="", help="the Message-ID that it answers"
    )
    command.add_argument(
        "--file", type=Path, metavar="PATH", help="the whole e-mail, as mail programs store it"
    )
    command.add_argument(
        "--unverified", action="store_true", help="SPF, DKIM and DMARC do not prove its sender"
    )
    command.add_argument("text", nargs="?", default="", help="what it says")
