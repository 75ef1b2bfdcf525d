"""The checks of a Subscription that is written, and what is stored beside it."""

from dataclasses import replace

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import SUBSCRIPTION
from shared.errors import BusinessRule, Forbidden
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.references import checks
from shared.rules import subscription_extensions, subscriptions, withheld
from shared.rules.subscription_state import (
    AnySubscription,
    Registration,
    Secrets,
    SubscriptionCount,
)
from shared.search.query import single_resource
from shared.sessions import daily_quotas
from shared.settings import settings
from shared.store import items, subscription_items, versions
from shared.store.records import VersionedRecord
from shared.subscriptions import entries, rights

# At once. Each may send something for every change that its owner sees.
MOST_OF_A_PERSON = 20


def prepare(
    work: AuditedUnitOfWork, before: VersionedRecord | None, target: Literal, after: Resource
) -> Resource:
    """Return a client's Subscription as it is to be stored, and save what it withholds.

    `before` is its present record, None for none. Written back as it was read, it changes neither.
    Raises Forbidden if it is somebody else's, and BusinessRule naming everything that is not
    offered.
    """
    stored = before.resource if before and not before.deleted else {}
    registration = registration_of(work, target.id) if before else Registration(target.id)
    owner = subscription_extensions.owner(stored) if stored else work.caller.own_reference
    is_maker = _is_maker(work, owner, registration) if stored else True
    _check_maker(work, is_maker=is_maker, is_changed=subscriptions.is_the_makers(stored, after))
    subscriptions.check(stored, after, allows_local=settings().allows_local_endpoints)
    if subscriptions.needs_check(stored, after):
        _check_criteria(work, after)
    version = before.version + 1 if before else 1
    shown, secrets = withheld.withhold(stored, after, registration.secrets, version)
    # Values that are only shown again are no change of the channel.
    if subscriptions.is_changed(stored, shown):
        registration = replace(registration, caller=rights.dumps(work.caller))
    work.save(replace(registration, secrets=secrets))
    shown = subscription_extensions.with_owner(shown, references.BASE.get(), owner)
    return subscriptions.with_status(stored, shown, work.now)


def _is_maker(work: AuditedUnitOfWork, owner: str, registration: Registration) -> bool:
    """Return whether the caller made a Subscription: its owner, or the same user of the staff."""
    if owner or work.caller.is_patient_or_relative:
        return owner in work.caller.own_references
    is_known = bool(registration.caller)
    return is_known and rights.subject(registration.caller) == work.caller.subject


def _check_maker(work: AuditedUnitOfWork, *, is_maker: bool, is_changed: bool) -> None:
    """Raise Forbidden if the caller may not write a Subscription.

    What is sent to an endpoint is bounded by the rights of who chose it. Nobody else may aim it: by
    rights that its maker does not have, or with secrets that they do not know.
    """
    if is_maker:
        return
    if work.caller.is_patient_or_relative:
        raise Forbidden(
            "Patients and related persons can write only Subscriptions of their own",
            expression=SUBSCRIPTION,
        )
    if is_changed:
        raise Forbidden(
            "Only who made this Subscription can change its criteria, channel, secret and end",
            expression=SUBSCRIPTION,
            diagnostics="Create one of your own, or set status to off",
        )


def _check_criteria(work: AuditedUnitOfWork, after: Resource) -> None:
    query = single_resource.parse(after["criteria"], settings().zone)
    if not work.visibility.may_search(query.type):
        raise Forbidden(
            f"The token has no scope for searching {query.type}",
            expression="Subscription.criteria",
            diagnostics=f"A scope such as user/{query.type}.rs is required",
        )


def registration_of(work: AuditedUnitOfWork, subscription_id: str) -> Registration:
    """Return what is kept beside a Subscription, an empty registration if it is new."""
    address = subscription_items.registration_address(work.tenant, subscription_id)
    found = work.record(address, subscription_items.registration)
    return found or Registration(subscription_id)


def save(
    work: AuditedUnitOfWork,
    before: VersionedRecord | None,
    target: Literal,
    after: Resource | None,
) -> VersionedRecord:
    """Save what `prepare` returned. None deletes a Subscription, and what it withheld."""
    record = before or versions.blank_resource(work, target)
    if after is None:
        emptied = replace(registration_of(work, target.id), secrets=Secrets(), caller="")
        work.save(emptied)
        return save_version(work, record, None)
    starts = record.deleted or subscriptions.asks_for_handshake(record.resource, after)
    if starts and work.caller.is_patient_or_relative:
        daily_quotas.count_new(work, SUBSCRIPTION)
    # The owner may be in a directory elsewhere.
    without_owner = subscription_extensions.with_owner(after, "", "")
    checks.require_targets(work, record.resource, without_owner)
    return save_version(work, record, after)


def save_version[V: VersionedRecord](
    work: AuditedUnitOfWork, before: V, after: Resource | None
) -> V:
    """Save the next version of a Subscription, with the entries by which changes find it."""
    saved = work.save(versions.next_resource(work, before, after))
    work.save(entries.save(work, saved, registration_of(work, saved.id)))
    if before.version == 0:
        _note_any(work)
    _count(work, before.resource, saved.resource)
    return saved


def _count(work: AuditedUnitOfWork, before: Resource, after: Resource) -> None:
    """Count what a patient or related person has. Raises BusinessRule if that is too much."""
    owner = subscription_extensions.owner(after) or subscription_extensions.owner(before)
    more = subscriptions.is_on(after) - subscriptions.is_on(before)
    if not owner or not more:
        return
    address = subscription_items.count_address(work.tenant, owner)
    had = work.record(address, lambda item: SubscriptionCount(owner, items.number(item, "count")))
    count = (had.count if had else 0) + more
    if more > 0 and count > MOST_OF_A_PERSON:
        raise BusinessRule(
            f"A person has at most {MOST_OF_A_PERSON} Subscriptions that are not off",
            expression=SUBSCRIPTION,
            diagnostics="Set another one off",
        )
    work.save(SubscriptionCount(owner, max(count, 0)))


def _note_any(work: AuditedUnitOfWork) -> None:
    if work.record(subscription_items.any_address(), lambda _: AnySubscription()) is None:
        work.save(AnySubscription())
