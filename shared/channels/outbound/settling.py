"""Finding out what became of an attempt that was left without a result."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from shared import metrics
from shared.channels.outbound import attempts, twilio
from shared.channels.outbound.message import OutcomeUnknown
from shared.channels.outbound.unsent import Unsent
from shared.fhir import instants
from shared.store import channel_items
from shared.store.channel_items import NOT_SENT, REFUSED, SENT, UNKNOWN, Attempt
from shared.store.transactions import Stale

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import TwilioAccount

# Longer than a function runs: what has no result after that has been left.
IN_FLIGHT = timedelta(minutes=3)
# For how long an event of AWS may still say that the message was sent.
UNTOLD = timedelta(minutes=15)
# For how long Twilio is asked that does not answer.
_PATIENCE = timedelta(days=1)
# After somebody else was faster.
RACE = timedelta(seconds=5)


def settle(unsent: Unsent, attempt: Attempt) -> Attempt:
    """Return an open attempt with its outcome, which is then stored.

    Raises Postponed as long as it may be under way, or cannot be known yet.
    """
    waited = unsent.now - instants.from_text(attempt.begun)
    if waited < IN_FLIGHT:
        raise unsent.postponed(IN_FLIGHT - waited)
    if unsent.account and unsent.account.provider == "twilio":
        try:
            return _asked(unsent, attempt, unsent.account)
        except OutcomeUnknown:
            if waited < _PATIENCE:
                # The pauses double.
                raise unsent.postponed(waited) from None
    elif waited < UNTOLD:
        raise unsent.postponed(UNTOLD - waited)
    return ended(unsent, replace(attempt, outcome=UNKNOWN))


def _asked(unsent: Unsent, attempt: Attempt, account: "TwilioAccount") -> Attempt:
    """Return an attempt with what Twilio says of it. Raises OutcomeUnknown if it does not answer.

    A message that looks the same may be another one of the thread, which has its SID already.
    """
    order = unsent.order
    for sid in twilio.find(attempt, account):
        if channel_items.message_of(order.tenant, account.name, sid) in ("", order.message):
            return ended(unsent, replace(attempt, outcome=SENT, id=sid))
    return ended(unsent, attempts.not_taken(attempt, "It does not know it", unsent.now))


def ended(unsent: Unsent, attempt: Attempt) -> Attempt:
    """Return an attempt after its outcome has been stored.

    Unless it was sent, another message may become the first of the thread. Raises Postponed if
    somebody else has stored an outcome, or has given the provider's id to another message.
    """
    order = unsent.order
    is_first = attempt.outcome in (NOT_SENT, REFUSED) and _is_first(unsent)
    try:
        channel_items.end(
            order.tenant,
            order.message,
            attempt,
            account=order.account,
            first_of=unsent.header.id if is_first else "",
            now=unsent.now,
        )
    except Stale:
        raise unsent.postponed(RACE) from None
    if attempt.outcome == SENT:
        metrics.record(metrics.MESSAGES_SENT)
    return attempt


def _is_first(unsent: Unsent) -> bool:
    """Return whether a message is the first of its thread, where that has the first notice."""
    if unsent.account is None or not unsent.account.first_notice:
        return False
    return (
        channel_items.first_message(unsent.order.tenant, unsent.header.id) == unsent.order.message
    )
