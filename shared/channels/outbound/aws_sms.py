"""Sending text messages by AWS End User Messaging.

https://docs.aws.amazon.com/pinpoint/latest/apireference_smsvoicev2/API_SendTextMessage.html
"""

from functools import cache, partial
from typing import TYPE_CHECKING, Any

from shared.channels.outbound import aws
from shared.channels.outbound.message import Call, OutboundMessage, Refused
from shared.rules.deliveries import (
    INVALID_NUMBER,
    OBJECTION,
    SYSTEM_ERROR,
    UNAVAILABLE,
    Failure,
)
from shared.store import dynamodb

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import AwsSmsAccount

# The names by which events tell which message they are about.
ACCOUNT, MESSAGE = "account", "message"
CODES = "https://docs.aws.amazon.com/sms-voice"
# Depending on the country, carriers tell of one or the other.
DELIVERED = frozenset({"TEXT_DELIVERED", "TEXT_SUCCESSFUL"})
FAILED = frozenset(
    {
        *("TEXT_BLOCKED", "TEXT_CARRIER_BLOCKED", "TEXT_CARRIER_UNREACHABLE", "TEXT_INVALID"),
        *("TEXT_INVALID_MESSAGE", "TEXT_PROTECT_BLOCKED", "TEXT_SPAM", "TEXT_TTL_EXPIRED"),
        "TEXT_UNREACHABLE",
    }
)
OPTED_OUT = "DESTINATION_PHONE_NUMBER_OPTED_OUT"
_REASONS = {
    OPTED_OUT: (OBJECTION, "The person has opted out of messages from this number"),
    "TEXT_BLOCKED": (OBJECTION, "The phone or its carrier does not take messages of this number"),
    "TEXT_CARRIER_BLOCKED": (SYSTEM_ERROR, "The carrier has filtered the message"),
    "TEXT_CARRIER_UNREACHABLE": (UNAVAILABLE, "The carrier cannot be reached"),
    "TEXT_INVALID": (INVALID_NUMBER, "The number is not valid"),
    "TEXT_TTL_EXPIRED": (UNAVAILABLE, "The message could not be delivered in time"),
    "TEXT_UNREACHABLE": (UNAVAILABLE, "The phone cannot be reached: it may be off"),
}


def call(message: OutboundMessage, account: "AwsSmsAccount") -> Call:
    """Return the call that sends a message, and returns its id."""
    set_name = account.configuration_set
    return partial(
        aws.send,
        client().send_text_message,
        _refusal,
        DestinationPhoneNumber=message.contact,
        OriginationIdentity=account.number,
        MessageBody=message.text,
        MessageType="TRANSACTIONAL",
        Context={ACCOUNT: account.name, MESSAGE: message.id},
        **({"ConfigurationSetName": set_name} if set_name else {}),
    )


def failure(code: str) -> Failure:
    """Return why a message did not arrive, by the type of an event or the reason of an error."""
    reason, text = _REASONS.get(code, (SYSTEM_ERROR, "AWS could not deliver the message"))
    return Failure(reason, text, CODES, code)


def _refusal(code: str, reason: str) -> Refused:
    return Refused(failure(reason or code), is_opt_out=reason == OPTED_OUT)


@cache
def client() -> Any:
    """Return the client of AWS End User Messaging."""
    return dynamodb.session().create_client("pinpoint-sms-voice-v2", config=aws.CONFIG)
