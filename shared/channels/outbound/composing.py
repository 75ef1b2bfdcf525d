"""Composing what is sent: the text, the files, and for an e-mail the mails that it answers."""

import re
from datetime import timedelta

from shared.channels.accounts import Account, MailAccount
from shared.channels.outbound import decisions, files
from shared.channels.outbound.message import OutboundMessage
from shared.channels.outbound.unsent import Unsent
from shared.channels.principal import principal
from shared.errors import Conflict
from shared.rules import channels
from shared.store import dynamodb
from shared.store.keys import MESSAGE_RANGE
from shared.store.records import CommunicationRecord

# The last mails of a thread are enough for a mail program to find it.
_MOST_ANSWERED = 10
_LAST_MESSAGES = 20
# A file is scanned for malware within a minute.
_SCAN = timedelta(minutes=1)
_MESSAGE_ID = re.compile(r"[!-;=?-~]+@[!-;=?-~]+", re.ASCII)


def compose(unsent: Unsent, account: Account, *, has_notice: bool) -> OutboundMessage | None:
    """Return what is sent of a message, None if that is nothing.

    `has_notice` adds the account's first notice. Raises Postponed if a file has not been scanned
    for malware yet, and Transient.
    """
    resource, header = unsent.message.resource, unsent.header.resource
    try:
        found, names = files.of_message(principal(account), {} if account.link_only else resource)
    except Conflict:
        raise unsent.postponed(_SCAN) from None
    sent, left = decisions.divide(account, found)
    if isinstance(account, MailAccount):
        sent = tuple(files.with_content(sent))
    names += [file.name for file in left]
    text = decisions.text_of(account, resource, names, has_notice=has_notice)
    thread = channels.conversation(header)
    if thread is None or not (text or sent):
        return None
    return OutboundMessage(
        account=account,
        id=unsent.message.id,
        thread=unsent.header.id,
        contact=thread.contact,
        text=text,
        files=sent,
        answers=_mails(unsent, account) if isinstance(account, MailAccount) else (),
    )


def _mails(unsent: Unsent, account: MailAccount) -> tuple[str, ...]:
    """Return the Message-IDs of the last mails of a thread, the oldest first."""
    address = unsent.header.address(unsent.order.tenant)
    last, _ = dynamodb.query(
        address.table, address.pk, MESSAGE_RANGE, forward=False, limit=_LAST_MESSAGES
    )
    found = [
        value
        for message in map(CommunicationRecord.from_item, last)
        if not message.deleted
        for name, value in channels.account_identifiers(message.resource)
        if name == account.name and _MESSAGE_ID.fullmatch(value)
    ]
    return tuple(reversed(found[:_MOST_ANSWERED]))
