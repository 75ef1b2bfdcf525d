"""The entries of an active Subscription, by which changes of other resources find it."""

from dataclasses import replace

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.subscriptions import ACTIVE
from shared.errors import BusinessRule
from shared.fhir.fhirjson import Resource
from shared.rules import subscription_extensions
from shared.rules.subscription_state import UNSELECTIVE, Entry, Registration, SubscribedParameter
from shared.search.query import single_resource
from shared.settings import settings
from shared.store import subscription_items
from shared.store.records import VersionedRecord
from shared.subscriptions import entry_keys


def save(
    work: AuditedUnitOfWork, saved: VersionedRecord, registration: Registration
) -> Registration:
    """Save the entries of a Subscription's new version, and return its registration with them."""
    subscription = saved.resource
    resource_type, _ = single_resource.split(subscription.get("criteria", ""))
    try:
        code, keys = _keys(subscription)
    except BusinessRule:
        # A later release may offer less. The deliverer sets the status error.
        code, keys = "", [key for _, key in registration.entries]
    entries = tuple((resource_type, key) for key in keys)
    since = registration.since if registration.entries else saved.last_updated
    for gone in set(registration.entries) - set(entries):
        _remove(work, Entry(*gone, saved.id))
    of_owner = registration.caller if subscription_extensions.owner(subscription) else ""
    for entry in entries:
        work.save(Entry(*entry, saved.id, subscription["criteria"], since, of_owner))
    if code:
        _note_parameter(work, SubscribedParameter(resource_type, code))
    return replace(registration, entries=entries, since=since if entries else "")


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


def _note_parameter(work: AuditedUnitOfWork, subscribed: SubscribedParameter) -> None:
    address = subscription_items.parameter_address(work.tenant, subscribed)
    if work.record(address, subscription_items.subscribed_parameter) is None:
        work.save(subscribed)
