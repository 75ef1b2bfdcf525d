"""Sending a message by its provider: once, as far as the provider lets that be known.

An attempt is stored before the provider is called, and what it led to afterwards. Of an attempt
that was left without a result, Twilio is asked. AWS cannot be asked: unless a receipt comes, the
message is shown to staff, and is not sent again.
"""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from shared import metrics
from shared.catalog.channels import DELIVERY_UNKNOWN, NOT_DELIVERED
from shared.channels.outbound import (
    attempts,
    composing,
    decisions,
    providers,
    settling,
    unsent,
    writing,
)
from shared.channels.outbound.decisions import Postpone, Refuse, Send
from shared.channels.outbound.message import (
    Call,
    NotSent,
    OutboundMessage,
    OutcomeUnknown,
    Refused,
)
from shared.channels.outbound.orders import Order
from shared.channels.outbound.settling import IN_FLIGHT, RACE
from shared.channels.outbound.unsent import Postponed, Unsent
from shared.channels.outbound.writing import Consequence
from shared.fhir import instants
from shared.rules import classification, deliveries
from shared.rules.deliveries import Failure
from shared.store import channel_items
from shared.store.channel_items import NOT_SENT, REFUSED, SENT, Attempt
from shared.store.transactions import Stale

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account

_NOT_KNOWN = "The provider did not say whether it took the message, which is not sent again"


def send(order: Order) -> None:
    """Send a message, unless that has been done or must not be done.

    Raises Postponed if it is to be looked at again, and Transient.
    """
    found = unsent.read(order)
    if found is None:
        return
    attempt = found.attempt
    if attempt and not attempt.outcome:
        attempt = settling.settle(found, attempt)
        _wait_for(attempt, found)
    if attempt and attempt.outcome != NOT_SENT:
        _note(order, attempt)
        return
    match decisions.decide(
        found.account, order.tenant, found.header.resource, found.message.resource, found.now
    ):
        case Postpone(until):
            raise Postponed(until)
        case Refuse(failure):
            _note_failure(order, failure)
        case Send(account):
            _try(found, account, attempt)


def _wait_for(attempt: Attempt, found: Unsent) -> None:
    """Raise Postponed if an attempt is to be repeated, but not yet."""
    if attempt.outcome == NOT_SENT and found.now < attempts.repeated_at(attempt):
        raise Postponed(attempts.repeated_at(attempt))


def _try(found: Unsent, account: "Account", previous: Attempt | None) -> None:
    """Make an attempt to send a message, and note what became of it."""
    first = _first_message(found, account)
    has_notice = first in ("", found.order.message)
    try:
        message = composing.compose(found, account, has_notice=has_notice)
    except Refused as refusal:
        _note_failure(found.order, refusal.failure)
        return
    # Before the attempt begins: what fails here must not look as if the provider was called.
    call = providers.call(message)
    attempt = _begun(found, message, previous, first_of=found.header.id if first == "" else "")
    attempt = _called(found, call, attempt)
    settling.ended(found, attempt)
    if attempt.outcome == NOT_SENT:
        raise Postponed(attempts.repeated_at(attempt))
    _note(found.order, attempt)


def _first_message(found: Unsent, account: "Account") -> str | None:
    """Return the first message of a thread, empty if there is none; None if that is no matter."""
    if not account.first_notice or classification.is_automatic(found.message.resource):
        return None
    return channel_items.first_message(found.order.tenant, found.header.id)


def _begun(
    found: Unsent, message: OutboundMessage, previous: Attempt | None, *, first_of: str
) -> Attempt:
    """Return a new attempt after it has been stored. Raises Postponed if another one has begun."""
    begun = instants.to_text(instants.now())
    attempt = Attempt(
        begun=begun,
        first_begun=previous.first_begun if previous else begun,
        number=previous.number + 1 if previous else 1,
        contact=message.contact,
        digest=channel_items.digest(message.text),
        files=len(message.files),
    )
    order = found.order
    try:
        channel_items.begin(
            order.tenant, order.message, previous, attempt, first_of=first_of, now=found.now
        )
    except Stale:
        raise found.postponed(RACE) from None
    return attempt


def _called(found: Unsent, call: Call, attempt: Attempt) -> Attempt:
    """Return an attempt with what the provider made of it.

    Raises Postponed if it may have taken the message, so that the attempt stays open.
    """
    try:
        return replace(attempt, outcome=SENT, id=call())
    except OutcomeUnknown:
        raise found.postponed(IN_FLIGHT) from None
    except Refused as refusal:
        return attempts.refused(attempt, refusal.failure, is_opt_out=refusal.is_opt_out)
    except NotSent as problem:
        return attempts.not_taken(attempt, str(problem), found.now)


def _note(order: Order, attempt: Attempt) -> None:
    """Write the outcome of an attempt into its message."""
    if attempt.outcome == SENT:
        put_id = partial(deliveries.with_provider_id, account=order.account, provider_id=attempt.id)
        writing.change(order, put_id)
    elif attempt.outcome == REFUSED:
        failure = Failure(attempt.reason, attempt.text, attempt.system, attempt.code)
        _note_failure(order, failure, is_opt_out=attempt.is_opt_out)
    else:
        not_known = partial(deliveries.not_known, text=_NOT_KNOWN)
        writing.change(order, not_known, Consequence(DELIVERY_UNKNOWN))


def _note_failure(order: Order, failure: Failure, *, is_opt_out: bool = False) -> None:
    # Nothing was delivered yet, so that it makes no difference whether it is an e-mail.
    fail = partial(deliveries.failed, failure=failure, is_mail=False)
    if writing.change(order, fail, Consequence(NOT_DELIVERED, is_opt_out)):
        metrics.record(metrics.MESSAGES_FAILED)
