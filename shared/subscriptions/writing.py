"""The checks of a Subscription that is written, and what is stored beside it."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.subscriptions import ACTIVE
from shared.catalog.types import SUBSCRIPTION
from shared.errors import BusinessRule, Forbidden
from shared.fhir import references
from shared.fhir.references import Literal
from shared.references import checks
from shared.rules import subscriptions, withheld
from shared.rules.subscribed import (
    UNSELECTIVE,
    AnySubscription,
    Channel,
    Entry,
    Held,
    SubscribedParameter,
)
from shared.rules.withheld import Secrets
from shared.search.query import single_resource
from shared.sessions import thread_quota
from shared.settings import settings
from shared.store import items, subscription_items, versions
from shared.store.records import VersionedRecord
from shared.subscriptions import entry_keys, rights

type Resource = dict[str, Any]
type Save = Callable[
    [AuditedUnitOfWork, VersionedRecord | None, Literal, Resource], VersionedRecord
]

# On one local day: new ones, and new handshakes. Each is a request to where its owner wants.
MOST_NEW_OF_A_PERSON = 20
# At once. Each may send something for every change that its owner sees.
MOST_HELD_BY_A_PERSON = 20


def prepared(
    work: AuditedUnitOfWork, before: VersionedRecord | None, target: Literal, after: Resource
) -> tuple[Resource, Save]:
    """Return a client's Subscription as it is to be stored and shown, and what saves it.

    `before` is its present record, None for none. Raises Forbidden if it is somebody else's, and
    BusinessRule naming everything that is not offered.
    """
    stored = before.resource if before and not before.deleted else {}
    owner = subscriptions.owner(stored) if stored else work.caller.own_reference
    channel = channel_of(work, target.id)
    is_maker = _is_maker(work, owner, channel) if stored else True
    _check_maker(work, is_maker=is_maker, is_changed=subscriptions.is_the_makers(stored, after))
    subscriptions.check(stored, after, allows_local=settings().allows_local_endpoints)
    if subscriptions.needs_check(stored, after):
        _check_criteria(work, after)
    version = before.version + 1 if before else 1
    shown, secrets = withheld.withhold(stored, after, channel.secrets, version)
    # Values that are only shown again are no change of the channel.
    if subscriptions.is_changed(stored, shown):
        channel = replace(channel, caller=rights.dumps(work.caller))
    shown = withheld.with_owner(shown, references.BASE.get(), owner)
    shown = subscriptions.with_status(stored, shown, work.now)
    return shown, partial(_save, replace(channel, secrets=secrets))


def _is_maker(work: AuditedUnitOfWork, owner: str, channel: Channel) -> bool:
    """Return whether the caller made a Subscription: its owner, or the same user of the staff."""
    if owner or work.caller.is_patient_or_relative:
        return owner in work.caller.own_references
    return bool(channel.caller) and rights.subject(channel.caller) == work.caller.subject


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


def channel_of(work: AuditedUnitOfWork, subscription_id: str) -> Channel:
    """Return what a Subscription withholds, an empty channel if it is new."""
    address = subscription_items.channel_address(work.tenant, subscription_id)
    return work.record(address, subscription_items.channel) or Channel(subscription_id)


def _save(
    channel: Channel,
    work: AuditedUnitOfWork,
    before: VersionedRecord | None,
    target: Literal,
    after: Resource,
) -> VersionedRecord:
    record = before or versions.blank_resource(work, target)
    starts = record.deleted or subscriptions.asks_for_handshake(record.resource, after)
    if starts and work.caller.is_patient_or_relative:
        instead = "Leave those that you have as they are, or set them off"
        thread_quota.count_new(work, SUBSCRIPTION, MOST_NEW_OF_A_PERSON, instead)
    # The owner may be in a directory elsewhere.
    checks.require_targets(work, record.resource, withheld.with_owner(after, "", ""))
    return save_version(work, record, after, channel)


def delete(work: AuditedUnitOfWork, before: VersionedRecord) -> VersionedRecord:
    """Save the deletion of a Subscription, and empty what it withheld."""
    emptied = replace(channel_of(work, before.id), secrets=Secrets(), caller="")
    return save_version(work, before, None, emptied)


def save_version[V: VersionedRecord](
    work: AuditedUnitOfWork, before: V, after: Resource | None, channel: Channel
) -> V:
    """Save the next version of a Subscription, with the entries by which changes find it."""
    saved = work.save(versions.next_resource(work, before, after))
    of_type = str(saved.resource.get("criteria", "")).removeprefix("/").partition("?")[0]
    try:
        code, keys = _keys(saved.resource)
    except BusinessRule:
        # A later release may offer less. The deliverer sets the status error.
        code, keys = "", [key for _, key in channel.entries]
    since = channel.since if channel.entries and keys else saved.last_updated
    for removed in {*channel.entries} - {(of_type, key) for key in keys}:
        _remove(work, Entry(*removed, before.id))
    of_owner = channel.caller if subscriptions.owner(saved.resource) else ""
    for key in keys:
        criteria = saved.resource["criteria"]
        work.save(Entry(of_type, key, before.id, criteria, since, of_owner))
    if code:
        _note_parameter(work, SubscribedParameter(of_type, code))
    if before.version == 0:
        _note_any(work)
    _count_held(work, before.resource, saved.resource)
    entries = tuple((of_type, key) for key in keys)
    work.save(replace(channel, entries=entries, since=since if entries else ""))
    return saved


def _keys(subscription: Resource) -> tuple[str, list[str]]:
    """Return the parameter and the keys by which an active Subscription is found."""
    if subscription.get("status") != ACTIVE:
        return "", []
    query = single_resource.parse(subscription["criteria"], settings().zone)
    code, keys = entry_keys.of_query(query)
    return code, keys or [UNSELECTIVE]


def _remove(work: AuditedUnitOfWork, entry: Entry) -> None:
    # Only what was read can be removed.
    work.record(subscription_items.entry_address(work.tenant, entry), subscription_items.entry)
    work.remove(entry)


def _count_held(work: AuditedUnitOfWork, before: Resource, after: Resource) -> None:
    """Count what a patient or related person has. Raises BusinessRule if that is too much."""
    owner = subscriptions.owner(after) or subscriptions.owner(before)
    more = subscriptions.is_on(after) - subscriptions.is_on(before)
    if not owner or not more:
        return
    address = subscription_items.held_address(work.tenant, owner)
    held = work.record(address, lambda item: Held(owner, items.number(item, "count")))
    count = (held.count if held else 0) + more
    if more > 0 and count > MOST_HELD_BY_A_PERSON:
        raise BusinessRule(
            f"A person has at most {MOST_HELD_BY_A_PERSON} Subscriptions that are not off",
            expression=SUBSCRIPTION,
            diagnostics="Set another one off",
        )
    work.save(Held(owner, max(count, 0)))


def _note_any(work: AuditedUnitOfWork) -> None:
    if work.record(subscription_items.any_address(), lambda _: AnySubscription()) is None:
        work.save(AnySubscription())


def _note_parameter(work: AuditedUnitOfWork, subscribed: SubscribedParameter) -> None:
    address = subscription_items.parameter_address(work.tenant, subscribed)
    if work.record(address, subscription_items.subscribed_parameter) is None:
        work.save(subscribed)
