"""Publishing the events of transactions on Amazon EventBridge, each at least once."""

from collections.abc import Iterator
from typing import Any

from shared.audit.events import CREATED, DELETED, UPDATED, new_versions
from shared.events import models
from shared.events.handover import Transaction
from shared.fhir import instants, ulids
from shared.settings import settings
from shared.store import event_bus

SOURCE = "async-encounters"
# The event of each action of an audit event, if the resource has a new version.
_OF_ACTION = {
    CREATED: models.ResourceCreated.__name__,
    UPDATED: models.ResourceUpdated.__name__,
    DELETED: models.ResourceDeleted.__name__,
}


def publish(message: dict[str, Any]) -> None:
    """Publish the events of a message's transactions.

    Raises Busy; repeated, it publishes the same events with the same ids.
    """
    event_bus.put(
        [entry(event) for part in message["transactions"] for event in events_of_transaction(part)]
    )


def events_of_transaction(transaction: Transaction) -> Iterator[models.Event]:
    """Yield the events of a transaction: its domain events, then those of the written resources.

    The id of each is derived from the transaction's and from its place among them.
    """
    for number, (name, of, fields) in enumerate(_named(transaction)):
        reference, version, _ = transaction["written"][of]
        yield models.EVENTS[name](
            id=ulids.derived(transaction["id"], number),
            sequence=version,
            time=transaction["at"],
            tenant=transaction["tenant"],
            reference=reference,
            version=version,
            **fields,
        )


def _named(transaction: Transaction) -> Iterator[tuple[str, int, dict[str, str]]]:
    """Yield the name of each event, the index of the resource that it is about, and its fields."""
    for event in transaction.get("happened", ()):
        fields = {key: value for key, value in event.items() if key not in ("name", "of")}
        yield event["name"], event["of"], fields
    for index, _, _, action in new_versions(transaction):
        yield _OF_ACTION[action], index, {}


def entry(event: models.Event) -> event_bus.Entry:
    """Return an event as an entry of PutEvents."""
    return {
        "EventBusName": settings().event_bus_arn,
        "Source": SOURCE,
        "DetailType": type(event).__name__,
        "Detail": event.model_dump_json(exclude_none=True),
        "Time": instants.from_text(event.time),
    }
