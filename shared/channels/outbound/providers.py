"""The provider of each account, which is asked to send a message."""

from shared.channels.accounts import AwsSmsAccount, MailAccount, TwilioAccount
from shared.channels.outbound import aws_sms, ses, twilio
from shared.channels.outbound.message import OutboundMessage


def send(message: OutboundMessage) -> str:
    """Send a message, and return the provider's id of it.

    Raises NotSent, Refused and OutcomeUnknown.
    """
    match message.account:
        case TwilioAccount() as account:
            return twilio.send(message, account)
        case AwsSmsAccount() as account:
            return aws_sms.send(message, account)
        case MailAccount() as account:
            return ses.send(message, account)
