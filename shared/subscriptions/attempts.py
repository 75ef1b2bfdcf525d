"""The attempts to deliver a notification: when one is made, and what follows a failure."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.catalog.subscriptions import ERROR
from shared.fhir import instants
from shared.rules.subscription_state import Health
from shared.store import subscription_items, transactions
from shared.store.subscription_reading import StoredSubscription
from shared.store.transactions import Stale
from shared.subscriptions import statuses
from shared.subscriptions.calling import Call, NotDelivered
from shared.subscriptions.notifications import Notification

type Send = Callable[[Call], None]

# A Subscription whose endpoint has taken nothing for so long gets the status error.
PATIENCE = timedelta(days=1)
# For how long no other notification is tried after one that failed: longer than a deliverer runs.
TURN = timedelta(minutes=1)
_ANOTHERS_TURN = "is failing, and another notification is tried first"
# Seconds until a notification is delivered again that failed once, twice, and so on: together some
# minutes more than PATIENCE. SQS allows twelve hours. Then it is among the dead letters.
PAUSES = (10, 60, 300, 900, 1800, 3600, 7200, 14400, 21600, 37200)


def pause(attempts: int) -> int:
    """Return after how many seconds to deliver again what has failed so many times."""
    return PAUSES[min(attempts, len(PAUSES)) - 1]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A notification that was received now, and for the first time at `first_received`."""

    stored: StoredSubscription
    notification: Notification
    now: datetime
    first_received: datetime
    send: Send

    @property
    def is_failing(self) -> bool:
        """Whether nothing was delivered of late.

        What failed before the Subscription was last written was another endpoint, or a new start.
        """
        return self.stored.health.failing_since > self.stored.record.last_updated

    @property
    def is_last(self) -> bool:
        """Whether the notification has waited for so long that it is not tried again."""
        return self.now - self.first_received >= PATIENCE

    def set_status(self, status: str, problem: str = "") -> bool:
        """Set the Subscription's status, and return whether it was still the same version."""
        record = self.stored.record
        return statuses.change(self.notification.tenant, record.id, record.version, status, problem)


def take_turn(attempt: Attempt) -> None:
    """Let one notification at a time be tried while its Subscription is failing.

    The one that failed is tried again whenever it is due, another once a TURN. Raises NotDelivered
    for all others.
    """
    health, own_id = attempt.stored.health, attempt.notification.id
    if not attempt.is_failing or health.trying == own_id or attempt.is_last:
        return
    if instants.to_text(attempt.now) < health.until:
        raise NotDelivered(_ANOTHERS_TURN)
    turn = replace(health, trying=own_id, until=instants.to_text(attempt.now + TURN))
    try:
        _store(attempt, turn, was=health)
    except Stale:
        raise NotDelivered(_ANOTHERS_TURN) from None


def note_success(attempt: Attempt) -> None:
    """Store that delivery does well."""
    if attempt.stored.health.failing_since:
        _store(attempt, Health())


def note_failure(attempt: Attempt, problem: NotDelivered) -> None:
    """Store that delivery fails, and raise the problem; after a day, set the status error."""
    now = attempt.now
    since = attempt.stored.health.failing_since if attempt.is_failing else instants.to_text(now)
    if attempt.is_last and now - instants.from_text(since) >= PATIENCE:
        text = f"Nothing was delivered since {since}: the endpoint {problem}"
        if attempt.set_status(ERROR, text):
            return
        # What replaced it meanwhile may have another endpoint.
        raise problem
    until = instants.to_text(now + TURN)
    _store(attempt, Health(since, str(problem), attempt.notification.id, until))
    raise problem


def _store(attempt: Attempt, health: Health, was: Health | None = None) -> None:
    """Store how delivery fares. With `was`, raises Stale if that is no longer what is stored."""
    tenant, own_id = attempt.notification.tenant, attempt.notification.subscription
    transactions.send([subscription_items.health_operation(tenant, own_id, health, was)])
