"""Composing what is sent: the text, the files, and for an e-mail the mails that it answers."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channels.outbound import decisions, files
from shared.channels.outbound.message import OutboundFile, OutboundMessage, Refused
from shared.channels.outbound.unsent import Unsent
from shared.channels.principal import principal
from shared.errors import Conflict
from shared.fhir import instants
from shared.rules import channels
from shared.rules.deliveries import SYSTEM_ERROR, Failure
from shared.store import dynamodb
from shared.store.keys import MESSAGE_RANGE
from shared.store.records import CommunicationRecord

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account, MailAccount

# The last mails of a thread are enough for a mail program to find it.
_MOST_ANSWERED = 10
_LAST_MESSAGES = 20
# A file is scanned for malware within a minute. What has no result after an hour gets none.
_SCAN, _LONGEST_SCAN = timedelta(minutes=1), timedelta(hours=1)
_NO_CONTENT = Failure(SYSTEM_ERROR, "The message has no text and no file that can be sent")
_MESSAGE_ID = re.compile(r"[!-;=?-~]+@[!-;=?-~]+", re.ASCII)


def compose(unsent: Unsent, account: "Account", *, has_notice: bool) -> OutboundMessage:
    """Return what is sent of a message.

    `has_notice` adds the account's first notice. Raises Refused if there is nothing that can be
    sent, Postponed if a file has not been scanned for malware yet, and Transient.
    """
    thread = channels.conversation(unsent.header.resource)
    found, names = _files(unsent, account)
    sent, left = decisions.divide(account, found)
    if account.provider == "ses":
        sent = tuple(files.with_content(sent))
    names += [file.name for file in left]
    resource = unsent.message.resource
    text = decisions.text_of(account, resource, names, has_files=bool(sent), has_notice=has_notice)
    if thread is None or not (text or sent):
        raise Refused(_NO_CONTENT)
    decisions.check_length(account, text)
    return OutboundMessage(
        account=account,
        id=unsent.message.id,
        thread=unsent.header.id,
        contact=thread.contact,
        text=text,
        files=sent,
        answers=_mails(unsent, account) if account.provider == "ses" else (),
    )


def _files(unsent: Unsent, account: "Account") -> tuple[list[OutboundFile], list[str]]:
    """Return the files of a message, and the names of those that cannot be sent.

    Raises Postponed if one has not been scanned yet. The pauses double, as the queue lets a
    message be received some times only.
    """
    resource = unsent.message.resource
    waited = unsent.now - instants.from_text(resource["meta"]["lastUpdated"])
    shown = {} if account.link_only else resource
    try:
        return files.of_message(principal(account), shown, waits=waited < _LONGEST_SCAN)
    except Conflict:
        raise unsent.postponed(max(_SCAN, waited)) from None


def _mails(unsent: Unsent, account: "MailAccount") -> tuple[str, ...]:
    """Return the Message-IDs of the last mails of a thread, the oldest first."""
    address = unsent.header.address(unsent.order.tenant)
    last, _ = dynamodb.query(
        address.table, address.pk, MESSAGE_RANGE, forward=False, limit=_LAST_MESSAGES
    )
    messages = map(CommunicationRecord.from_item, last)
    ids = (channels.mail_id(one.resource, account.name) for one in messages if not one.deleted)
    found = [mail_id for mail_id in ids if _MESSAGE_ID.fullmatch(mail_id)]
    return tuple(reversed(found[:_MOST_ANSWERED]))
