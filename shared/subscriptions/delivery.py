"""Delivering a notification to the endpoint of its Subscription.

https://hl7.org/fhir/R4/subscription.html#2.46.7.1
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum

from shared import metrics
from shared.access.caller import Caller
from shared.catalog.subscriptions import ACTIVE, ERROR, ID_HEADER, OFF, REQUESTED, SIGNATURE_HEADER
from shared.fhir import instants
from shared.rules import endpoints, subscriptions
from shared.rules.endpoints import Unsuitable
from shared.rules.subscribed import Health
from shared.search.query import single_resource
from shared.settings import settings
from shared.store import reading, subscription_items, transactions
from shared.store.records import VersionedRecord
from shared.store.subscription_items import StoredSubscription
from shared.subscriptions import disclosures, rights, signatures, statuses
from shared.subscriptions.calling import Call, NotDelivered
from shared.subscriptions.notifications import Notification

type Send = Callable[[Call], None]

# A Subscription whose endpoint has taken nothing for so long gets the status error.
PATIENCE = timedelta(days=1)
# Seconds until a notification is delivered again that failed once, twice, and so on: together some
# minutes more than PATIENCE. SQS allows twelve hours. Then it is among the dead letters.
PAUSES = (10, 60, 300, 900, 1800, 3600, 7200, 14400, 21600, 37200)


def pause(attempts: int) -> int:
    """Return after how many seconds to deliver again what has failed so many times."""
    return PAUSES[min(attempts, len(PAUSES)) - 1]


class Outcome(Enum):
    """What became of a notification that need not be delivered again."""

    DELIVERED = "delivered"
    DROPPED = "dropped"
    GIVEN_UP = "given up"


def deliver(notification: Notification, send: Send) -> Outcome:
    """Deliver a notification, unless by now it must not or need not be.

    Raises NotDelivered if the endpoint did not take it, and Transient if the database is busy.
    """
    stored = subscription_items.read(notification.tenant, notification.subscription)
    if stored is None or stored.record.deleted:
        return Outcome.DROPPED
    now = instants.now()
    is_over = subscriptions.is_over(stored.record.resource, now)
    if is_over and stored.record.resource["status"] != OFF:
        statuses.change(notification.tenant, stored.record.id, stored.record.version, OFF)
    if is_over:
        return Outcome.DROPPED
    if notification.resource is None:
        return _shake_hands(stored, notification, now, send)
    if stored.record.resource["status"] != ACTIVE:
        return Outcome.DROPPED
    caller = rights.loads(stored.channel.caller, notification.tenant)
    version = _visible_match(stored, notification, caller)
    if version is None:
        return Outcome.DROPPED
    outcome = _attempt(stored, notification, version, now, send)
    if outcome is Outcome.DELIVERED:
        disclosures.note(caller, stored.record.id, version)
    return outcome


def _shake_hands(
    stored: StoredSubscription, notification: Notification, now: datetime, send: Send
) -> Outcome:
    """Make the first request to an endpoint, after which the Subscription is active."""
    record = stored.record
    if record.resource["status"] != REQUESTED or record.version != notification.version:
        return Outcome.DROPPED
    outcome = _attempt(stored, notification, None, now, send)
    if outcome is Outcome.DELIVERED:
        statuses.change(notification.tenant, record.id, record.version, ACTIVE)
    return outcome


def _visible_match(
    stored: StoredSubscription, notification: Notification, caller: Caller
) -> VersionedRecord | None:
    """Return the version to tell of, None if it no longer matches or is hidden from who is told.

    An older version is left out if a newer one is to be told of, too: delivered late, it would
    replace that at the receiver.
    """
    target, tenant = notification.resource, notification.tenant
    current = reading.current(tenant, *target) if target else None
    if current is None or current.deleted:
        return None
    is_current = current.version == notification.version
    version = current if is_current else reading.version(tenant, current, notification.version)
    if version is None or version.deleted:
        return None
    query = single_resource.parse(stored.record.resource["criteria"], settings().zone)
    if not query.matches(version.resource) or (not is_current and query.matches(current.resource)):
        return None
    return version if rights.see(caller, current, version) else None


def _attempt(
    stored: StoredSubscription,
    notification: Notification,
    version: VersionedRecord | None,
    now: datetime,
    send: Send,
) -> Outcome:
    try:
        send(_call(stored, notification, version, now))
    except NotDelivered as problem:
        metrics.record(metrics.NOT_NOTIFIED)
        return _note_failure(stored, notification.tenant, now, problem)
    metrics.record(metrics.NOTIFIED)
    if stored.health.failing_since:
        _store(notification.tenant, stored, Health())
    return Outcome.DELIVERED


def _call(
    stored: StoredSubscription,
    notification: Notification,
    version: VersionedRecord | None,
    now: datetime,
) -> Call:
    """Return the request: with a payload a PUT of the version, without one an empty POST."""
    channel = stored.record.resource["channel"]
    try:
        endpoint = endpoints.parse(
            channel["endpoint"], allows_local=settings().allows_local_endpoints
        )
    except Unsuitable as problem:
        # The rules may have become stricter since it was written.
        raise NotDelivered(str(problem)) from None
    is_sent = "payload" in channel and version is not None
    body = version.json or b"" if is_sent and version else b""
    headers = dict(stored.channel.secrets.headers) | {ID_HEADER: notification.id}
    if is_sent:
        headers["Content-Type"] = channel["payload"]
    if secret := stored.channel.secrets.signing:
        seconds = instants.to_nanoseconds(now) // instants.SECOND
        headers[SIGNATURE_HEADER] = signatures.sign(secret, seconds, body)
    if is_sent and notification.resource:
        return Call(endpoint, "PUT", endpoint.target(*notification.resource), headers, body)
    return Call(endpoint, "POST", endpoint.target(), headers)


def _note_failure(
    stored: StoredSubscription, tenant: str, now: datetime, problem: NotDelivered
) -> Outcome:
    """Store that delivery fails, and raise the problem; after a day, set the status error."""
    record, health = stored.record, stored.health
    # What failed before the Subscription was last written was another endpoint, or a new start.
    counts = health.failing_since > record.last_updated
    since = health.failing_since if counts else instants.to_text(now)
    if now - instants.from_text(since) >= PATIENCE:
        text = f"Nothing was delivered since {since}: the endpoint {problem}"
        statuses.change(tenant, record.id, record.version, ERROR, text)
        return Outcome.GIVEN_UP
    if (failing := Health(since, str(problem))) != health:
        _store(tenant, stored, failing)
    raise problem


def _store(tenant: str, stored: StoredSubscription, health: Health) -> None:
    transactions.send([subscription_items.health_operation(tenant, stored.record.id, health)])
