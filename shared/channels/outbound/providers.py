"""The provider of each account, which is asked to send a message."""

from shared.channels.accounts import AwsSmsAccount, MailAccount, TwilioAccount
from shared.channels.outbound import aws_sms, ses, twilio
from shared.channels.outbound.message import Call, OutboundMessage


def call(message: OutboundMessage) -> Call:
    """Return the call that sends a message. Whatever can fail before it has been done."""
    match message.account:
        case TwilioAccount() as account:
            return twilio.call(message, account)
        case AwsSmsAccount() as account:
            return aws_sms.call(message, account)
        case MailAccount() as account:
            return ses.call(message, account)
