"""Mails that Amazon SES received: it stores each in S3, and tells of it by a notification.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

from datetime import datetime
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from shared import metrics
from shared.channels import thread_addresses
from shared.channels.accounts import all_accounts
from shared.channels.inbound import mail, mail_automatic, mail_headers, mail_verdicts
from shared.channels.inbound.mail_headers import Headers
from shared.channels.inbound.mail_verdicts import Notification
from shared.channels.inbound.message import InboundMessage
from shared.fhir import instants
from shared.rules import times
from shared.settings import settings
from shared.store import s3

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import MailAccount

# What SES takes at most: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
LARGEST_MAIL = 40 * 1024**2
_UNADDRESSED, _OWN = "unaddressed", "own"

# Whom a mail is from that names nobody; nobody has an address there (RFC 2606).
UNKNOWN = "unknown@sender.invalid"

logger = Logger()


def messages(notification: Notification) -> list[InboundMessage]:
    """Return the messages that a received mail is: one for each account that it was sent to.

    A mail that no person wrote is none; it is counted. Raises Busy if S3 does not answer.
    """
    accounts = _addressed_accounts(notification)
    if not accounts:
        return _ignored(notification, _UNADDRESSED)
    raw = _raw(notification["receipt"]["action"])
    headers = mail_headers.read(raw) if raw else _told_headers(notification)
    if reason := mail_automatic.reason(headers, notification["mail"].get("source")):
        return _ignored(notification, reason)
    sender = mail_headers.sender(headers)
    others = [account for account in accounts if not thread_addresses.is_of(account, sender)]
    if not others:
        return _ignored(notification, _OWN)
    return [_message(notification, raw, headers, account) for account in others]


def _addressed_accounts(notification: Notification) -> "list[MailAccount]":
    recipients = notification["receipt"]["recipients"]
    return [
        account
        for account in all_accounts().values()
        if account.provider == "ses"
        and any(thread_addresses.is_of(account, recipient) for recipient in recipients)
    ]


def _ignored(notification: Notification, reason: str) -> list[InboundMessage]:
    metrics.record(metrics.MAILS_IGNORED)
    logger.info("mail ignored", extra={"mail": notification["mail"]["messageId"], "why": reason})
    return []


def _raw(action: dict[str, str]) -> bytes:
    """Return the mail. It is empty if it is gone, or larger than SES takes."""
    place = {"Bucket": action["bucketName"], "Key": action["objectKey"]}
    try:
        raw = s3.call("The store of mails", s3.get_object, **place, Range=f"bytes=0-{LARGEST_MAIL}")
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return b""
    return raw if len(raw) <= LARGEST_MAIL else b""


def _told_headers(notification: Notification) -> Headers:
    pairs = notification["mail"].get("headers", ())
    return mail_headers.from_pairs((pair["name"], pair["value"]) for pair in pairs)


def _message(
    notification: Notification, raw: bytes, headers: Headers, account: "MailAccount"
) -> InboundMessage:
    received = datetime.fromisoformat(notification["mail"]["timestamp"])
    subject = mail_headers.subject(headers)
    is_infected = mail_verdicts.is_infected(notification)
    content = mail.content(raw, subject, account.languages, is_infected=is_infected)
    named = (
        thread_addresses.named_thread(account, recipient)
        for recipient in notification["receipt"]["recipients"]
        if thread_addresses.is_of(account, recipient)
    )
    own_id, is_proven = (
        mail_headers.message_id(headers),
        mail_verdicts.is_proven(notification, headers),
    )
    # Whoever sends a mail in another's name must not make the other's own a repetition of it.
    known_by = own_id if is_proven else ""
    return InboundMessage(
        account=account,
        contact=_contact(notification, headers),
        id=known_by or f"{notification['mail']['messageId']}@{mail_verdicts.SES}",
        text=content.text,
        sent=_sent(headers, received),
        received=received,
        files=content.files,
        topic=subject,
        answers=mail_headers.answers(headers),
        named_thread=next(filter(None, named), ""),
        is_proven=is_proven,
        claimed_id="" if is_proven else own_id,
    )


def _sent(headers: Headers, received: datetime) -> datetime:
    """Return when a mail was sent. Its sender says it, who is believed as far as a patient is."""
    said = mail_headers.sent(headers)
    message = {"sent": instants.to_text(said)} if said else {}
    hours = settings().sent_tolerance_hours
    counted = times.message_instant(message, received, settings().zone, tolerance_hours=hours)
    return instants.from_text(counted)


def _contact(notification: Notification, headers: Headers) -> str:
    """Return whom a mail is from. Where its header does not say so, the envelope does."""
    envelope = mail_headers.address(notification["mail"].get("source") or "")
    return mail_headers.sender(headers) or envelope or UNKNOWN
