"""The deliveries of InboundQueue: bodies of webhooks, and notifications of SNS, by their kind."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.channels import accounts
from shared.channels.inbound import aws_sms, receiving, twilio, webhooks
from shared.channels.inbound.message import InboundMessage
from shared.channels.outbound import receipt_payloads, receipts
from shared.channels.outbound.receipts import Receipt
from shared.errors import NotFound, Throttled
from shared.fhir import instants

type Json = Mapping[str, Any]

# Seconds until a delivery that failed once, twice, and so on is tried again: hours together, within
# which a file should be there, and a fault mended. Then it is among the dead letters.
PAUSES = (5, 15, 60, 300, 900, 3600, 7200, 14400)
# So often a delivery is received that is too much for its hour. The queue allows 20.
MOST_ATTEMPTS = 15
# From this attempt on, a file that cannot be fetched is done without.
_LAST_ATTEMPT_AT_FILES = 5
_RECEIVED_MAIL = "Received"


def pause(attempt: int) -> int:
    """Return after how many seconds to try a delivery again."""
    return PAUSES[min(attempt, len(PAUSES)) - 1]


def process(body: Json, attempt: int) -> None:
    """Process a delivery, which was tried so many times with this one.

    Raises Throttled, NotFound if it is for no account, and Transient.
    """
    found = _of_webhook(body) if "provider" in body else _of_topic(body)
    throttled = None
    for one in found:
        try:
            _process(one, attempt)
        except Throttled as error:
            # A mail to several accounts must get to those that have room for it.
            throttled = error
    if throttled:
        raise throttled


def _process(one: InboundMessage | Receipt, attempt: int) -> None:
    if isinstance(one, InboundMessage):
        receiving.receive(one, gives_up=attempt >= _LAST_ATTEMPT_AT_FILES)
    else:
        receipts.apply(one)


def _of_webhook(body: Json) -> Iterator[InboundMessage | Receipt]:
    account, fields = accounts.account(body["account"]), body["fields"]
    if account.provider != "twilio":
        raise NotFound("There is no such account")
    received = instants.from_text(body["received"])
    if body["kind"] == webhooks.MESSAGE:
        yield twilio.inbound_message(account, fields, received)
    elif receipt := receipt_payloads.receipt_of_twilio(account.name, fields, received):
        yield receipt


def _of_topic(envelope: Json) -> Iterator[InboundMessage | Receipt]:
    said, published = _said(envelope), instants.from_text(envelope["Timestamp"])
    if aws_sms.ID in said:
        yield aws_sms.inbound_message(said, published)
    elif said.get("notificationType") == _RECEIVED_MAIL:
        from shared.channels.inbound import ses  # noqa: PLC0415 - reading mails takes long to import

        yield from ses.messages(said)
    elif receipt := _receipt(said, published):
        yield receipt


def _said(envelope: Json) -> dict[str, Any]:
    """Return what a notification says; nothing if it only tells that a topic is set up."""
    try:
        said = json.loads(envelope["Message"])
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _receipt(said: Json, published: datetime) -> Receipt | None:
    read = (
        receipt_payloads.receipt_of_ses if "mail" in said else receipt_payloads.receipt_of_aws_sms
    )
    return read(said, published)
