"""Deciding whether a message is sent now, later or not at all, and what its text is then."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from shared.channels.outbound.message import OutboundFile, Refused
from shared.fhir import instants
from shared.fhir.fhirjson import Resource
from shared.rules import channels, classification
from shared.rules.deliveries import OBJECTION, SYSTEM_ERROR, Failure
from shared.rules.quiet_hours import quiet_until

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account

# A message that has waited for so long is no longer what its sender meant to say now.
OLDEST = timedelta(days=3)
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
# What needs no quoting in a header: https://www.rfc-editor.org/rfc/rfc5322#section-3.4.1
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9.-]+", re.ASCII)


class FileLimits(NamedTuple):
    """How many files, of how many bytes together, a provider takes with a message."""

    number: int
    size: int


# Twilio's own limits: https://www.twilio.com/docs/messaging/guides/accepted-mime-types. Those of an
# e-mail leave room for its encoding below the 10 MB that many mail servers take.
_FILE_LIMITS = {
    "twilio": FileLimits(10, 5_000_000),
    "aws-sms": FileLimits(0, 0),
    "ses": FileLimits(20, 7_000_000),
}
# https://www.twilio.com/docs/messaging/api/message-resource and
# https://docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/API_SendTextMessage.html
_LONGEST_TEXT = 1600


class Nothing(NamedTuple):
    """The message is not to be sent any more: it was retracted, or has been sent."""


class Postpone(NamedTuple):
    """The message is sent at an instant at the earliest."""

    until: datetime


class Refuse(NamedTuple):
    """The message is not sent, for a reason."""

    failure: Failure


class Send(NamedTuple):
    """The message is sent now, by an account."""

    account: "Account"


type Decision = Nothing | Postpone | Refuse | Send


def decide(
    account: "Account | None", tenant: str, header: Resource, message: Resource, now: datetime
) -> Decision:
    """Return what to do with a message; `account` is that of its thread, None if it is gone."""
    thread = channels.conversation(header)
    if thread is None or not channels.is_to_be_sent(header, message):
        return Nothing()
    if account is None or account.tenant != tenant:
        return Refuse(Failure(SYSTEM_ERROR, f"There is no account {thread.account}"))
    if failure := _failure(account, thread.contact, header, message, now):
        return Refuse(failure)
    # An answer to what the contact has just asked of the service itself disturbs nobody.
    quiet = None if classification.is_automatic(message) else account.quiet_hours
    until = quiet and quiet_until(now, quiet.begin, quiet.end, ZoneInfo(quiet.zone))
    return Postpone(until) if until else Send(account)


def _failure(
    account: "Account", contact: str, header: Resource, message: Resource, now: datetime
) -> Failure | None:
    """Return why a message must not be sent, None if it may be."""
    if not _may_be_of(account, contact):
        text = "The identifier of the thread does not name a number or address to send to"
        return Failure(SYSTEM_ERROR, text)
    if channels.is_followed(header):
        return Failure(SYSTEM_ERROR, "Another thread has followed this one")
    if since := channels.opted_out_at(header):
        return Failure(OBJECTION, f"The person has opted out of messages at {since}")
    if now - instants.from_text(message["meta"]["lastUpdated"]) > OLDEST:
        return Failure(SYSTEM_ERROR, "The message could not be sent for three days")
    return None


def _may_be_of(account: "Account", contact: str) -> bool:
    form = _ADDRESS if account.provider == "ses" else _NUMBER
    return form.fullmatch(contact) is not None


def divide(
    account: "Account", files: Iterable[OutboundFile]
) -> tuple[tuple[OutboundFile, ...], tuple[OutboundFile, ...]]:
    """Return the files that can be sent with a message, and the others, in their order."""
    sent: list[OutboundFile] = []
    left: list[OutboundFile] = []
    limits, size = _FILE_LIMITS[account.provider], 0
    for file in files:
        fits = len(sent) < limits.number and size + file.stored.size <= limits.size
        size += file.stored.size if fits else 0
        (sent if fits else left).append(file)
    return tuple(sent), tuple(left)


def text_of(
    account: "Account",
    message: Resource,
    left_files: Sequence[str],
    *,
    has_files: bool,
    has_notice: bool,
) -> str:
    """Return the text to send, empty if there is none.

    `left_files` are the names of files that are not sent with it, `has_files` says that others are.
    `has_notice` adds the account's first notice.
    """
    portal = str(account.portal_url or "")
    if account.link_only and not classification.is_automatic(message):
        paragraphs = [f"{account.notice} {portal}".strip()]
    else:
        paragraphs = [
            part["contentString"] for part in message.get("payload", ()) if "contentString" in part
        ]
        paragraphs += [f"{', '.join(left_files)} {portal}".strip()] if left_files else []
    if has_notice and (paragraphs or has_files):
        paragraphs.append(account.first_notice)
    return "\n\n".join(paragraphs)


def check_length(account: "Account", text: str) -> None:
    """Raise Refused if a text is longer than a text message can be."""
    if account.provider != "ses" and len(text) > _LONGEST_TEXT:
        why = f"The text has {len(text)} characters, and a text message {_LONGEST_TEXT} at most"
        raise Refused(Failure(SYSTEM_ERROR, why))
