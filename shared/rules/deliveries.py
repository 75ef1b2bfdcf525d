"""The states of a message that a provider carries: sent, delivered, failed, or not known.

Receipts come repeated and out of order, and whatever their order is, the message ends the same. The
last word about an e-mail is a failure, because a mail server that took it may still send it back.
That about a text message is the proof that it was delivered. What staff have done to the message
meanwhile stays.
"""

from typing import NamedTuple

from shared.fhir import instants
from shared.fhir.fhirjson import Resource
from shared.rules import channels
from shared.rules.channels import SENT

DELIVERED, FAILED, NOT_KNOWN = "completed", "not-done", "unknown"
# Messages of any other status were recalled or retracted by staff.
_UNDER_WAY = frozenset({SENT, DELIVERED, FAILED, NOT_KNOWN})

# https://hl7.org/fhir/R4/valueset-communication-not-done-reason.html
REASONS = "http://terminology.hl7.org/CodeSystem/communication-not-done-reason"
NO_REASON, SYSTEM_ERROR, INVALID_NUMBER = "unknown", "system-error", "invalid-phone-number"
UNAVAILABLE, OBJECTION = "recipient-unavailable", "patient-objection"


class Failure(NamedTuple):
    """Why a message did not arrive: a reason of R4, a text, and the provider's own code."""

    reason: str
    text: str
    system: str = ""
    code: str = ""


def with_provider_id(message: Resource, account: str, provider_id: str) -> Resource:
    """Return a message that a provider has taken, under the provider's id."""
    if not provider_id or channels.is_carried(message):
        return message
    identifier = channels.identifier(account, provider_id)
    known = _without(message, "statusReason") if message["status"] == NOT_KNOWN else message
    status = SENT if message["status"] == NOT_KNOWN else message["status"]
    return known | {"identifier": [*message.get("identifier", ()), identifier], "status": status}


def delivered(message: Resource, at: str, *, is_mail: bool) -> Resource:
    """Return a message that arrived at an instant."""
    status = message["status"]
    if status not in _UNDER_WAY or (is_mail and status == FAILED):
        return message
    received = min(at, message.get("received", at), key=lambda text: instants.parse(text).low)
    rest = message if status in (SENT, DELIVERED) else _without(message, "statusReason")
    return rest | {"status": DELIVERED, "received": received}


def failed(message: Resource, failure: Failure, *, is_mail: bool) -> Resource:
    """Return a message that did not arrive, with the reason. The first failure is kept."""
    status = message["status"]
    is_delivered = status == DELIVERED and "received" in message
    if status not in _UNDER_WAY or status == FAILED or (is_delivered and not is_mail):
        return message
    return _without(message, "received") | {"status": FAILED, "statusReason": _reason(failure)}


def not_known(message: Resource, text: str) -> Resource:
    """Return a message of which nobody knows whether it was sent."""
    if message["status"] != SENT or channels.is_carried(message):
        return message
    return message | {"status": NOT_KNOWN, "statusReason": _reason(Failure(NO_REASON, text))}


def _reason(failure: Failure) -> Resource:
    codings = [{"system": REASONS, "code": failure.reason}]
    if failure.code:
        codings.append({"system": failure.system, "code": failure.code})
    return {"coding": codings, "text": failure.text}


def _without(message: Resource, name: str) -> Resource:
    return {key: value for key, value in message.items() if key != name}
