"""Two-way text messages of AWS End User Messaging, which come by an SNS topic.

https://docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms-payload.html
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from shared.channels.accounts import all_accounts
from shared.channels.inbound.message import InboundMessage, contact
from shared.errors import NotFound

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import AwsSmsAccount

# What only a text message that came in has.
ID = "inboundMessageId"


def inbound_message(said: Mapping[str, str], published: datetime) -> InboundMessage:
    """Return the text message of a notification, which was published when it came in.

    Raises NotFound if no account has the number that it was sent to.
    """
    return InboundMessage(
        account=_account(said["destinationNumber"]),
        contact=contact(said["originationNumber"]),
        id=said[ID],
        text=said.get("messageBody", ""),
        sent=published,
        received=published,
    )


def _account(number: str) -> "AwsSmsAccount":
    for account in all_accounts().values():
        if account.provider == "aws-sms" and account.number == number:
            return account
    raise NotFound("No account has the number that the message was sent to")
