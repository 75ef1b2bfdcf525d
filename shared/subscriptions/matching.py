"""Finding the Subscriptions that a change concerns, without reading all of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from shared.access.caller import Caller
from shared.audit.events import DELETED, new_versions
from shared.catalog.subscriptions import REQUESTED
from shared.catalog.types import STORED_TYPES, SUBSCRIPTION
from shared.errors import BusinessRule
from shared.fhir import instants, references
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.rules.subscription_state import Entry
from shared.search.query import single_resource
from shared.settings import settings
from shared.store import reading, subscription_reading
from shared.store.subscription_reading import Subscribed
from shared.subscriptions import entry_keys, rights, written
from shared.subscriptions.notifications import Notification
from shared.subscriptions.written import Written

if TYPE_CHECKING:
    from shared.events.handover import Transaction

# How far the clocks of two machines may differ.
_TOLERANCE = timedelta(seconds=10)

logger = Logger()


@dataclass(frozen=True, slots=True)
class Change:
    """A version of a resource that was written at an instant; `action` is C, U or D."""

    tenant: str
    resource: Literal
    version: int
    action: str
    at: str


def changes(transaction: "Transaction") -> Iterator[Change]:
    """Yield the versions that a transaction wrote, as the audit table's stream hands them over."""
    for _, reference, version, action in new_versions(transaction):
        if target := references.parse_literal(reference):
            yield Change(transaction["tenant"], target, version, action, transaction["at"])


class Matcher:
    """Finds the Subscriptions of changes; one for all the changes of a process.

    What is subscribed to a type is read once for all changes that were made before: a Subscription
    that became active before a change is then always found.
    """

    def __init__(self) -> None:
        """Start without having read anything."""
        self._read: dict[tuple[str, str], tuple[datetime, Subscribed]] = {}
        self._callers: dict[tuple[str, str], tuple[datetime, Caller]] = {}

    def forget_callers(self) -> None:
        """Forget who made Subscriptions: there may be many of them."""
        self._callers.clear()

    def notifications(self, change: Change) -> list[Notification]:
        """Return what a change is to be told to whom. Raises Transient."""
        if change.action == DELETED or change.resource.type not in STORED_TYPES:
            return []
        if change.resource.type == SUBSCRIPTION:
            return _handshake(change)
        subscribed = self._subscribed(change)
        if not any(subscribed):
            return []
        found = written.read(change.tenant, change.resource, change.version)
        if found is None:
            return []
        resource, is_seen = found.version.resource, self._visible(change, found)
        return [
            Notification(change.tenant, entry.id, change.version, change.resource)
            for entry in _distinct(_candidates(change, subscribed, resource))
            if entry.since <= instants.to_text(_latest(change))
            and _matches(entry, resource)
            and is_seen(entry)
        ]

    def _visible(self, change: Change, found: Written) -> Callable[[Entry], bool]:
        """Return a function that decides whether who made an entry may read what was written.

        It decides about patients and related persons, who see little of what their criteria match;
        the deliverer decides again about everybody. The header or the medical encounters of a
        change are read once for all entries.
        """
        header = cache(partial(reading.communication, change.tenant))
        children = cache(partial(reading.children, change.tenant))

        def is_seen(entry: Entry) -> bool:
            if not entry.caller:
                return True
            caller = self._caller(change, entry)
            return rights.see(caller, *found, header=header, children=children)

        return is_seen

    def _caller(self, change: Change, entry: Entry) -> Caller:
        """Return who made an entry, with the patients that the directory links them to."""
        key = change.tenant, entry.caller
        if key not in self._callers or self._callers[key][0] <= _latest(change):
            now = instants.now()
            self._callers[key] = now, rights.loads(entry.caller, change.tenant)
        return self._callers[key][1]

    def _subscribed(self, change: Change) -> Subscribed:
        key = change.tenant, change.resource.type
        if key not in self._read or self._read[key][0] <= _latest(change):
            now = instants.now()
            self._read[key] = now, subscription_reading.subscribed(*key)
        return self._read[key][1]


def _latest(change: Change) -> datetime:
    """Return when a change was made at the latest."""
    return instants.from_text(change.at) + _TOLERANCE


def _handshake(change: Change) -> list[Notification]:
    """Return the handshake that a Subscription asks for, if it has not been changed since."""
    record = reading.current(change.tenant, *change.resource)
    is_same = record is not None and record.version == change.version and not record.deleted
    if not is_same or not record or record.resource["status"] != REQUESTED:
        return []
    return [Notification(change.tenant, record.id, record.version)]


def _candidates(change: Change, subscribed: Subscribed, resource: Resource) -> list[Entry]:
    found = list(subscribed.unselective)
    for key in entry_keys.of_resource(resource, subscribed.parameters):
        found += subscription_reading.entries_of_value(change.tenant, change.resource.type, key)
    return found


def _distinct(entries: list[Entry]) -> list[Entry]:
    """Return the entries of each Subscription once: it may be found by several values."""
    return list({entry.id: entry for entry in entries}.values())


def _matches(entry: Entry, resource: Resource) -> bool:
    """Return whether a resource is to be told.

    So is one if the criteria no longer parse: a later release may offer less. The deliverer then
    sets the status error, and others are not kept waiting.
    """
    try:
        query = single_resource.parse(entry.criteria, settings().zone)
    except BusinessRule:
        logger.error("criteria refused", extra={"subscription": entry.id})  # noqa: TRY400 - it quotes the criteria
        return True
    return query.matches(resource)
