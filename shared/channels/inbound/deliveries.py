"""The deliveries of InboundQueue: bodies of webhooks, and notifications of SNS, by their kind."""

import json
from collections.abc import Mapping
from typing import Any

from shared.channels.accounts import TwilioAccount, account
from shared.channels.inbound import aws_sms, receiving, twilio, webhooks
from shared.channels.outbound import receipts
from shared.channels.outbound.receipt_payloads import (
    receipt_of_aws_sms,
    receipt_of_ses,
    receipt_of_twilio,
)
from shared.errors import NotFound
from shared.fhir import instants

# Seconds until a delivery that failed once, twice, and so on is tried again: hours together, within
# which a file should be there, and a fault mended. Then it is among the dead letters.
PAUSES = (5, 15, 60, 300, 900, 3600, 7200, 14400)
# From this attempt on, a file that cannot be fetched is done without.
_LAST_ATTEMPT_AT_FILES = 5


def pause(attempt: int) -> int:
    """Return after how many seconds to try a delivery again."""
    return PAUSES[min(attempt, len(PAUSES)) - 1]


def process(body: Mapping[str, Any], attempt: int) -> None:
    """Process a delivery, which was tried so many times with this one.

    Raises Throttled, NotFound if it is for no account, and Transient.
    """
    if "provider" in body:
        _of_webhook(body, attempt)
    else:
        _of_topic(body, attempt)


def _of_webhook(body: Mapping[str, Any], attempt: int) -> None:
    sender = account(body["account"])
    if not isinstance(sender, TwilioAccount):
        raise NotFound("There is no such account")
    fields, received = body["fields"], instants.from_text(body["received"])
    if body["kind"] == webhooks.MESSAGE:
        message = twilio.inbound_message(sender, fields, received)
        receiving.receive(message, gives_up=attempt >= _LAST_ATTEMPT_AT_FILES)
    elif receipt := receipt_of_twilio(sender.name, fields, received):
        receipts.apply(receipt)


def _of_topic(envelope: Mapping[str, Any], _attempt: int) -> None:
    said = json.loads(envelope["Message"])
    published = instants.from_text(envelope["Timestamp"])
    if aws_sms.ID in said:
        receiving.receive(aws_sms.inbound_message(said, published))
    elif receipt := receipt_of_aws_sms(said, published) or receipt_of_ses(said, published):
        receipts.apply(receipt)
