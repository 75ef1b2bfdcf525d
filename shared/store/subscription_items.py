"""The items beside a Subscription: what it withholds, how delivery fares, and how it is found.

Imported by what writes, finds or delivers to Subscriptions only. Units of work take these records
like those of the resources.
"""

from collections.abc import Iterator

import orjson

from shared.catalog import access_patterns as patterns
from shared.catalog.types import SUBSCRIPTION
from shared.rules.subscription_state import (
    AnySubscription,
    Entry,
    Health,
    Registration,
    Secrets,
    SubscribedParameter,
    SubscriptionCount,
)
from shared.store import items, keys
from shared.store.items import ADDRESSES, Item
from shared.store.keys import Address
from shared.store.operations import ABSENT, Operation, put, write_operations

_ENTRY = ("criteria", "since", "caller")
_HEALTH = ("failing_since", "reason", "trying", "until")


def registration(item: Item) -> Registration:
    """Read a registration."""
    return Registration(
        items.partition_without_tenant(item).partition("/")[2],
        Secrets(_pairs(item, "headers"), items.text(item, "signing")),
        items.text(item, "caller"),
        _pairs(item, "entries"),
        items.text(item, "since"),
    )


def registration_item(value: Registration) -> Item:
    """Return the attributes of a registration, none of an empty one."""
    if not value.caller:
        return {}
    return {
        "headers": {"B": orjson.dumps(value.secrets.headers)},
        "entries": {"B": orjson.dumps(value.entries)},
        **items.text_attributes(value, "caller", "since"),
        **items.text_attributes(value.secrets, "signing"),
    }


def _pairs(item: Item, name: str) -> tuple[tuple[str, str], ...]:
    pairs = orjson.loads(bytes(item[name]["B"])) if name in item else []
    return tuple((first, second) for first, second in pairs)


def health(item: Item) -> Health:
    """Read how delivery fares, which is well of an empty item."""
    return Health(*(items.text(item, name) for name in _HEALTH))


def entry(item: Item) -> Entry:
    """Read an entry."""
    key, _, subscription_id = items.text(item, "sk").rpartition("#")
    return Entry(
        _type(item),
        key,
        subscription_id,
        *(items.text(item, name) for name in _ENTRY),
    )


def subscribed_parameter(item: Item) -> SubscribedParameter:
    """Read a parameter."""
    return SubscribedParameter(
        _type(item), items.text(item, "sk").removeprefix(patterns.SUBSCRIBED_BY.prefix)
    )


def _type(item: Item) -> str:
    return items.partition_without_tenant(item).partition("!")[2]


def registration_address(tenant: str, subscription_id: str) -> Address:
    """Return the address of what a Subscription withholds."""
    return keys.address(patterns.REGISTRATION, tenant, id=subscription_id)


def health_address(tenant: str, subscription_id: str) -> Address:
    """Return the address of how a Subscription's delivery fares."""
    return keys.address(patterns.HEALTH, tenant, id=subscription_id)


def entry_address(tenant: str, entry: Entry) -> Address:
    """Return the address of an entry."""
    return keys.address(patterns.SUBSCRIBED, tenant, type=entry.type, key=entry.key, id=entry.id)


def parameter_address(tenant: str, subscribed: SubscribedParameter) -> Address:
    """Return the address of the item that names a parameter."""
    return keys.address(
        patterns.SUBSCRIBED_BY, tenant, type=subscribed.type, parameter=subscribed.parameter
    )


def count_address(tenant: str, owner: str) -> Address:
    """Return the address of the item that counts a person's Subscriptions that are not off."""
    return keys.quota(tenant, SUBSCRIPTION, owner, "held")


def any_address() -> Address:
    """Return the address of the mark that there is, or was, a Subscription."""
    return keys.shared_address(patterns.ANY_SUBSCRIPTION)


ADDRESSES[AnySubscription] = lambda _tenant, _mark: any_address()
ADDRESSES[Registration] = lambda tenant, value: registration_address(tenant, value.id)
ADDRESSES[Entry] = entry_address
ADDRESSES[SubscriptionCount] = lambda tenant, counted: count_address(tenant, counted.owner)
ADDRESSES[SubscribedParameter] = parameter_address


@write_operations.register
def _(new: Registration, _old: Registration | None, tenant: str) -> Iterator[Operation]:
    yield put(registration_address(tenant, new.id), registration_item(new))


@write_operations.register
def _(_new: AnySubscription, _old: AnySubscription | None, _tenant: str) -> Iterator[Operation]:
    yield put(any_address(), {})


@write_operations.register
def _(new: Entry, _old: Entry | None, tenant: str) -> Iterator[Operation]:
    yield put(entry_address(tenant, new), items.text_attributes(new, *_ENTRY))


@write_operations.register
def _(
    new: SubscribedParameter, _old: SubscribedParameter | None, tenant: str
) -> Iterator[Operation]:
    yield put(parameter_address(tenant, new), {})


@write_operations.register
def _(new: SubscriptionCount, old: SubscriptionCount | None, tenant: str) -> Iterator[Operation]:
    address, item = count_address(tenant, new.owner), {"count": {"N": str(new.count)}}
    if old is None:
        yield put(address, item, ABSENT)
    else:
        yield put(address, item, "#count = :old", old={"N": str(old.count)})


def health_operation(
    tenant: str, subscription_id: str, health: Health, was: Health | None = None
) -> Operation:
    """Return the operation that stores how delivery fares; an empty `health` is well.

    With `was`, it fails unless the same notification is still the last that was tried.
    """
    attributes = items.text_attributes(health, *_HEALTH)
    address = health_address(tenant, subscription_id)
    if was is None:
        return put(address, attributes)
    if not was.until:
        return put(address, attributes, "attribute_not_exists(#until)")
    return put(address, attributes, "#until = :until", until={"S": was.until})
