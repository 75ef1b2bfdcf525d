"""Items in DynamoDB's wire format, and the items of slots, spans, adoptions and figures."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.fhir import instants
from shared.rules.state import Adoption, Figures, Slot, SlotKey, Span
from shared.store import keys
from shared.store.keys import Address

type Item = dict[str, dict[str, Any]]


def key_attributes(pk: str, sk: str) -> Item:
    """Return the attributes that are an item's key."""
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def text(item: Item, name: str) -> str:
    """Return a string attribute, or "" if it is absent."""
    value: str = item[name]["S"] if name in item else ""
    return value


def text_attributes(record: object, *names: str) -> Item:
    """Return the named string fields of a record as attributes, without the empty ones."""
    return {name: {"S": value} for name in names if (value := getattr(record, name))}


def number_attributes(record: object, *names: str) -> Item:
    """Return the named integer fields of a record as attributes, without those that are 0."""
    return {name: {"N": str(value)} for name in names if (value := getattr(record, name))}


def flag_attributes(record: object, *names: str) -> Item:
    """Return the named boolean fields of a record as attributes, without those that are false."""
    return {name: {"BOOL": True} for name in names if getattr(record, name)}


def set_attributes(record: object, *names: str) -> Item:
    """Return the named fields of a record that are sets of strings, without the empty ones."""
    return {name: {"SS": sorted(value)} for name in names if (value := getattr(record, name))}


def strings(item: Item, name: str) -> frozenset[str]:
    """Return an attribute that is a set of strings, which is empty if it is absent."""
    return frozenset(item[name]["SS"]) if name in item else frozenset()


def number(item: Item, name: str) -> int:
    """Return an integer attribute, or 0 if it is absent."""
    return int(item[name]["N"]) if name in item else 0


def expiry(until: datetime) -> dict[str, str]:
    """Return the value of the TTL attribute of an item that is kept until an instant."""
    return {"N": str(instants.to_nanoseconds(until) // instants.SECOND)}


def partition_without_tenant(item: Item) -> str:
    """Return an item's partition key without its tenant."""
    return text(item, "pk").partition("#")[2]


def _sort(item: Item) -> str:
    return text(item, "sk").partition("#")[2]


def figures(item: Item) -> Figures:
    """Read the figures of an item."""
    senders = strings(item, "senders")
    return Figures(text(item, "first"), text(item, "last"), senders, "dirty" in item)


def figures_item(value: Figures) -> Item:
    """Return figures as attributes, without the empty ones."""
    return (
        text_attributes(value, "first", "last")
        | set_attributes(value, "senders")
        | flag_attributes(value, "dirty")
    )


def slot(item: Item) -> Slot:
    """Read a slot."""
    return Slot(
        key=SlotKey(partition_without_tenant(item), text(item, "sk")),
        session=text(item, "session"),
        open="open" in item,
        epoch=int(item["epoch"]["N"]),
        rev=int(item["rev"]["N"]),
        figures=figures(item),
        low=text(item, "low"),
        high=text(item, "high"),
        arrived=text(item, "arrived"),
    )


def slot_item(value: Slot) -> Item:
    """Return all attributes of a slot."""
    return (
        text_attributes(value, "session", "low", "high", "arrived")
        | figures_item(value.figures)
        | flag_attributes(value, "open")
        | {"rev": {"N": str(value.rev)}, "epoch": {"N": str(value.epoch)}}
    )


def span(item: Item) -> Span:
    """Read a span, a thread's range in a session."""
    return Span(
        encounter=partition_without_tenant(item),
        thread=_sort(item),
        low=text(item, "low"),
        high=text(item, "high"),
        top=text(item, "top"),
    )


def span_item(value: Span) -> Item:
    """Return the attributes of a span."""
    return text_attributes(value, "low", "high", "top")


def adoption(item: Item) -> Adoption:
    """Read an adoption."""
    return Adoption(
        thread=partition_without_tenant(item),
        epoch=int(_sort(item)),
        session=text(item, "session"),
        late="late" in item,
    )


def adoption_item(value: Adoption) -> Item:
    """Return the attributes of an adoption."""
    return text_attributes(value, "session") | flag_attributes(value, "late")


ADDRESSES: dict[type, Callable[[str, Any], Address]] = {
    Slot: lambda tenant, slot: keys.slot(tenant, slot.key),
    Span: lambda tenant, span: keys.span(tenant, span.encounter, span.thread),
    Adoption: lambda tenant, row: keys.adoption(tenant, row.thread, row.epoch),
}
