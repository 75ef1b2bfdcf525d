"""Attempts that a provider has not taken: they are repeated, or given up."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.fhir import instants
from shared.rules.deliveries import SYSTEM_ERROR, Failure
from shared.store.channel_items import NOT_SENT, REFUSED, Attempt

# For how long a provider is tried that does not take a message.
PATIENCE = timedelta(days=1)
# Seconds until a message is tried again that was not taken once, twice, and so on: few enough for
# the queue, which lets a message be received forty times.
PAUSES = (10, 60, 300, 900, 1800, 3600, 7200, 14400, 21600, 36000)


def not_taken(attempt: Attempt, problem: str, now: datetime) -> Attempt:
    """Return an attempt that is to be repeated; after a day, one that is refused for a problem."""
    if now - instants.from_text(attempt.first_begun) < PATIENCE:
        return replace(attempt, outcome=NOT_SENT)
    text = f"The provider has not taken the message for a day: {problem}"
    return refused(attempt, Failure(SYSTEM_ERROR, text))


def refused(attempt: Attempt, failure: Failure, *, is_opt_out: bool = False) -> Attempt:
    """Return an attempt that is not repeated, with the reason."""
    return replace(attempt, outcome=REFUSED, is_opt_out=is_opt_out, **failure._asdict())


def repeated_at(attempt: Attempt) -> datetime:
    """Return when an attempt that was not taken is repeated at the earliest."""
    pause = PAUSES[min(attempt.number, len(PAUSES)) - 1]
    return instants.from_text(attempt.begun) + timedelta(seconds=pause)
