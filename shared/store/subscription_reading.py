"""Reading a Subscription for its delivery, and what is subscribed to a type for matching."""

from typing import Any, NamedTuple

from shared.catalog import access_patterns as patterns
from shared.catalog.types import SUBSCRIPTION
from shared.rules.subscription_state import UNSELECTIVE, Entry, Health, Registration
from shared.store import dynamodb, items, keys, subscription_items
from shared.store.records import ResourceRecord

_FIRST_SORT = patterns.SUBSCRIBED_BY.prefix
# Parameters sort before the entries without a selective criterion, and these before all others.
_LAST_UNSELECTIVE = keys.beginning_with(f"{UNSELECTIVE}#")[1]


class Subscribed(NamedTuple):
    """The Subscriptions to a type: entries without a selective criterion, and parameters."""

    unselective: tuple[Entry, ...]
    parameters: tuple[str, ...]


class StoredSubscription(NamedTuple):
    """A Subscription with the items beside it."""

    record: ResourceRecord
    registration: Registration
    health: Health


def read(tenant: str, subscription_id: str) -> StoredSubscription | None:
    """Return a Subscription with the items beside it, by one query; None if there is none."""
    current = keys.resource(tenant, SUBSCRIPTION, subscription_id)
    address = subscription_items.health_address(tenant, subscription_id)
    found = dynamodb.query_all(current.table, current.pk, (patterns.REGISTRATION.sort, address.sk))
    by_sort: dict[str, Any] = {items.text(item, "sk"): item for item in found}
    if current.sk not in by_sort:
        return None
    beside = by_sort.get(patterns.REGISTRATION.sort)
    failing = by_sort.get(address.sk, {})
    return StoredSubscription(
        ResourceRecord.from_item(by_sort[current.sk]),
        subscription_items.registration(beside) if beside else Registration(subscription_id),
        subscription_items.health(failing),
    )


def subscribed(tenant: str, resource_type: str) -> Subscribed:
    """Return what is subscribed to a type and has no value to be found by, by one query."""
    partition = keys.partition(patterns.SUBSCRIBED, tenant, type=resource_type)
    between = (_FIRST_SORT, _LAST_UNSELECTIVE)
    entries, parameters = list[Entry](), list[str]()
    for item in dynamodb.query_all(patterns.SEARCH, partition, between):
        if items.text(item, "sk").startswith(_FIRST_SORT):
            parameters.append(subscription_items.subscribed_parameter(item).parameter)
        else:
            entries.append(subscription_items.entry(item))
    return Subscribed(tuple(entries), tuple(parameters))


def entries_of_value(tenant: str, resource_type: str, key: str) -> list[Entry]:
    """Return the entries that are found by the key of a value."""
    partition = keys.partition(patterns.SUBSCRIBED, tenant, type=resource_type)
    between = keys.beginning_with(f"{key}#")
    found = dynamodb.query_all(patterns.SEARCH, partition, between)
    return [one for one in map(subscription_items.entry, found) if one.key == key]
