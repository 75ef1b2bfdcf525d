"""The provider of each account, which is asked to send a message."""

from shared.channels.outbound import aws_sms, ses, twilio
from shared.channels.outbound.message import Call, OutboundMessage


def call(message: OutboundMessage) -> Call:
    """Return the call that sends a message. Whatever can fail before it has been done."""
    account = message.account
    if account.provider == "twilio":
        return twilio.call(message, account)
    if account.provider == "aws-sms":
        return aws_sms.call(message, account)
    return ses.call(message, account)
