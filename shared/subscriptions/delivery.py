"""Delivering a notification to the endpoint of its Subscription.

https://hl7.org/fhir/R4/subscription.html#2.46.7.1
"""

from datetime import datetime

from shared import metrics
from shared.access.caller import Caller
from shared.catalog.subscriptions import ACTIVE, ERROR, ID_HEADER, OFF, REQUESTED, SIGNATURE_HEADER
from shared.errors import BusinessRule
from shared.fhir import instants
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.rules import endpoints, subscriptions
from shared.rules.classification import ENTERED_IN_ERROR
from shared.rules.endpoints import Unsuitable
from shared.search.query import single_resource
from shared.search.query.single_resource import SingleResourceQuery
from shared.settings import settings
from shared.store import subscription_reading
from shared.store.records import VersionedRecord
from shared.store.subscription_reading import StoredSubscription
from shared.subscriptions import attempts, disclosures, rights, signatures, written
from shared.subscriptions.attempts import Attempt, Send
from shared.subscriptions.calling import Call, NotDelivered
from shared.subscriptions.notifications import Notification


def deliver(notification: Notification, first_received: datetime, send: Send) -> None:
    """Deliver a notification, unless by now it must not or need not be.

    `first_received` is when the queue first handed it over. Raises NotDelivered if the endpoint did
    not take it or is not to be tried now, and Transient if the database is busy.
    """
    stored = subscription_reading.read(notification.tenant, notification.subscription)
    if stored is None or stored.record.deleted:
        return
    attempt = Attempt(stored, notification, instants.now(), first_received, send)
    if not _is_awaited(attempt):
        return
    try:
        query = single_resource.parse(stored.record.resource["criteria"], settings().zone)
    except BusinessRule as refusal:
        _refuse_criteria(attempt, refusal)
        return
    attempts.take_turn(attempt)
    if notification.resource:
        _tell(attempt, query, notification.resource)
    else:
        _shake_hands(attempt)


def _is_awaited(attempt: Attempt) -> bool:
    """Return whether a Subscription waits for a notification. One that is over is set off."""
    record = attempt.stored.record
    if subscriptions.is_over(record.resource, attempt.now):
        if record.resource["status"] != OFF:
            attempt.set_status(OFF)
        return False
    if attempt.notification.resource is None:
        is_same = record.version == attempt.notification.version
        return is_same and record.resource["status"] == REQUESTED
    return bool(record.resource["status"] == ACTIVE)


def _refuse_criteria(attempt: Attempt, refusal: BusinessRule) -> None:
    """Set the status error: a later release may offer less than the one that took the criteria."""
    text = "; ".join(issue.text for issue in refusal.issues)
    if not attempt.set_status(ERROR, f"The criteria are no longer offered: {text}"):
        raise refusal


def _tell(attempt: Attempt, query: SingleResourceQuery, target: Literal) -> None:
    """Notify an endpoint of a version, if that still matches and who subscribed may read it."""
    stored, notification = attempt.stored, attempt.notification
    caller = rights.loads(stored.registration.caller, notification.tenant)
    version = _visible_match(query, target, notification.version, caller)
    if version is not None and _call_endpoint(attempt, version):
        disclosures.note(caller, stored.record.id, version)


def _shake_hands(attempt: Attempt) -> None:
    """Make the first request to an endpoint, after which the Subscription is active."""
    if _call_endpoint(attempt, None):
        attempt.set_status(ACTIVE)


def _visible_match(
    query: SingleResourceQuery, target: Literal, number: int, caller: Caller
) -> VersionedRecord | None:
    """Return a version to tell of, None if it no longer matches or is hidden from the caller.

    An older version is left out if a newer one is to be told of, too: delivered late, it would
    replace that at the receiver. So is one of what has been retracted since.
    """
    found = written.read(caller.tenant, target, number)
    if found is None or not query.matches(found.version.resource):
        return None
    current, version = found
    is_superseded = version is not current
    if is_superseded and (_is_retracted(current.resource) or query.matches(current.resource)):
        return None
    return version if rights.see(caller, current, version) else None


def _is_retracted(resource: Resource) -> bool:
    codings = resource.get("verificationStatus", {}).get("coding", ())
    codes = {resource.get("status"), *(coding.get("code") for coding in codings)}
    return ENTERED_IN_ERROR in codes


def _call_endpoint(attempt: Attempt, version: VersionedRecord | None) -> bool:
    """Call an endpoint, and return whether it took the notification.

    If not, it is given up. Raises NotDelivered if it is to be delivered again.
    """
    try:
        attempt.send(_call(attempt.stored, attempt.notification, version, attempt.now))
    except NotDelivered as problem:
        metrics.record(metrics.NOT_NOTIFIED)
        attempts.note_failure(attempt, problem)
        return False
    metrics.record(metrics.NOTIFIED)
    attempts.note_success(attempt)
    return True


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
    headers = dict(stored.registration.secrets.headers) | {ID_HEADER: notification.id}
    if is_sent:
        headers["Content-Type"] = channel["payload"]
    if secret := stored.registration.secrets.signing:
        seconds = instants.to_nanoseconds(now) // instants.SECOND
        headers[SIGNATURE_HEADER] = signatures.sign(secret, seconds, body)
    if is_sent and notification.resource:
        return Call(endpoint, "PUT", endpoint.target(*notification.resource), headers, body)
    return Call(endpoint, "POST", endpoint.target(), headers)
