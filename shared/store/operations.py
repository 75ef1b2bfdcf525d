"""How each record is written: its operations in a transaction, conditional on what was read."""

import re
from collections.abc import Iterator
from functools import singledispatch
from typing import Any
from zlib import crc32

from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson
from shared.rules.state import Adoption, Slot, Span
from shared.store import codec, keys
from shared.store.dynamodb import table_name
from shared.store.index.rows import stub
from shared.store.items import ADDRESSES, Item, adoption_item, slot_item, span_item
from shared.store.keys import Address
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    Pending,
    ResourceRecord,
    Versioned,
)

type Operation = dict[str, dict[str, Any]]
type Record = Versioned | Slot | Span | Adoption | Pending

# One write unit holds 1 KB.
ROW_BYTES = 1024
DUE_SHARDS = 8

# Many of the attributes' names are words of DynamoDB's own: expressions name each by `#`.
_NAME = re.compile(r"#(\w+)")


def _keys(address: Address) -> Item:
    return {"pk": {"S": address.pk}, "sk": {"S": address.sk}}


def put(address: Address, item: Item, condition: str = "", **values: Any) -> Operation:
    """Put an item, under a condition whose values are `:name`."""
    return _operation("Put", address, {"Item": _keys(address) | item}, condition, values)


def delete(address: Address, condition: str = "", **values: Any) -> Operation:
    """Delete an item."""
    return _operation("Delete", address, {"Key": _keys(address)}, condition, values)


def update(address: Address, expression: str, condition: str = "", **values: Any) -> Operation:
    """Change attributes of an item, made where it is not there."""
    body = {"Key": _keys(address), "UpdateExpression": expression}
    return _operation("Update", address, body, condition, values)


def check(address: Address, condition: str, **values: Any) -> Operation:
    """Only check a condition."""
    return _operation("ConditionCheck", address, {"Key": _keys(address)}, condition, values)


def _operation(
    kind: str, address: Address, body: dict[str, Any], condition: str, values: dict[str, Any]
) -> Operation:
    body["TableName"] = table_name(address.table)
    if condition:
        body["ConditionExpression"] = condition
    if names := _NAME.findall(condition + body.get("UpdateExpression", "")):
        body["ExpressionAttributeNames"] = {f"#{name}": name for name in names}
    if values:
        body["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    return {kind: body}


ABSENT = "attribute_not_exists(#pk)"


def address_of(record: Record, tenant: str) -> Address:
    """Give the address of a record's item."""
    if isinstance(record, Versioned | Pending):
        return record.address(tenant)
    return ADDRESSES[type(record)](tenant, record)


@singledispatch
def write_operations(new: Any, _old: Any, _tenant: str) -> Iterator[Operation]:
    """Give the operations that write a record which was read as `old` (None: was not there)."""
    raise TypeError(type(new).__name__)


@write_operations.register
def _(new: Pending, _old: Pending | None, tenant: str) -> Iterator[Operation]:
    yield put(new.address(tenant), new.to_item())


@write_operations.register
def _(new: Span, old: Span | None, tenant: str) -> Iterator[Operation]:
    """Write a range that is still as it was read: two that widen it at once both have to hold."""
    if old is None:
        yield put(address_of(new, tenant), span_item(new), ABSENT)
        return
    read = span_item(old)
    conditions = [
        f"#{name} = :{name}" if name in read else f"attribute_not_exists(#{name})"
        for name in ("low", "high", "top")
    ]
    yield put(address_of(new, tenant), span_item(new), " AND ".join(conditions), **read)


@write_operations.register
def _(new: Adoption, _old: Adoption | None, tenant: str) -> Iterator[Operation]:
    yield put(address_of(new, tenant), adoption_item(new), ABSENT)


@write_operations.register
def _(new: EncounterRecord, old: EncounterRecord | None, tenant: str) -> Iterator[Operation]:
    address = new.address(tenant)
    if old is None:
        yield put(address, new.to_item(), ABSENT)
    else:
        yield put(address, new.to_item(), "#rev = :rev", rev={"N": str(old.rev)})
    yield from _version_and_rows(new, old, tenant)
    before = due_address(old, tenant) if old and old.due else None
    after = due_address(new, tenant) if new.due else None
    if before and before != after:
        yield delete(before)
    if after and before != after:
        yield put(after, {})


def due_address(record: EncounterRecord, tenant: str) -> Address:
    """Give the address of an Encounter's due row."""
    shard = crc32(record.id.encode()) % DUE_SHARDS
    parts = {"due": record.due, "tenant": tenant, "id": record.id}
    partition = patterns.DUE.partition.format(shard=shard)
    return Address(patterns.SEARCH, partition, patterns.DUE.sort.format(**parts))


@write_operations.register
def _(
    new: CommunicationRecord, old: CommunicationRecord | None, tenant: str
) -> Iterator[Operation]:
    home, place = keys.home_place(new.id), new.place
    if old is None:
        yield put(keys.communication_at(tenant, place), new.to_item(), ABSENT)
        if place != home:
            yield put(keys.communication_at(tenant, home), _locator(new), ABSENT)
    elif old.place == place:
        condition, values = unchanged_condition(old)
        yield put(keys.communication_at(tenant, place), new.to_item(), condition, **values)
    else:
        yield from _move(new, old, tenant)
    yield from _version_and_rows(new, old, tenant)


@write_operations.register
def _(new: ResourceRecord, old: ResourceRecord | None, tenant: str) -> Iterator[Operation]:
    condition, values = unchanged_condition(old) if old else (ABSENT, {})
    yield put(new.address(tenant), new.to_item(), condition, **values)
    yield from _version_and_rows(new, old, tenant)


def unchanged_condition(
    record: CommunicationRecord | EncounterRecord | ResourceRecord,
) -> tuple[str, Item]:
    """Give the condition, with its values, under which an item is as it was read."""
    if isinstance(record, EncounterRecord):
        return "#rev = :rev", {"rev": {"N": str(record.rev)}}
    values: Item = {"v": {"N": str(record.version)}}
    if record.rebuilt:
        return "#version = :v AND #rebuilt = :r", values | {"r": {"N": str(record.rebuilt)}}
    return "#version = :v AND attribute_not_exists(#rebuilt)", values


def _move(new: CommunicationRecord, old: CommunicationRecord, tenant: str) -> Iterator[Operation]:
    """Put the item at its new place and leave a locator where its id speaks of."""
    home, (condition, values) = keys.home_place(new.id), unchanged_condition(old)
    left = keys.communication_at(tenant, old.place)
    if new.place == home:
        yield put(keys.communication_at(tenant, home), new.to_item(), "attribute_exists(#to)")
    else:
        yield put(keys.communication_at(tenant, new.place), new.to_item(), ABSENT)
    if old.place == home:
        yield put(left, _locator(new), condition, **values)
        return
    yield delete(left, condition, **values)
    if new.place != home:
        yield put(keys.communication_at(tenant, home), _locator(new))


def _locator(record: CommunicationRecord) -> Item:
    return {"to": {"L": [{"S": record.place.thread}, {"S": record.place.sort}]}}


def _version_and_rows(new: Versioned, old: Versioned | None, tenant: str) -> Iterator[Operation]:
    """Keep the version before, where there is a new one, and bring the index rows up to date."""
    is_same = old is not None and new.version == old.version
    if old is not None and not is_same:
        address = keys.version(tenant, old.type, old.id, old.version)
        yield put(address, version_item(old))
    for pk, sk in set(old.rows if old else ()) - set(new.rows):
        yield delete(keys.index_row(pk, sk))
    written = [row for row in new.rows if not (old and is_same and row in old.rows)]
    if written:
        copy = row_content(new.json or b"", max(len(pk) + len(sk) for pk, sk in new.rows))
        for pk, sk in written:
            yield put(keys.index_row(pk, sk), copy)


def version_item(record: Versioned) -> Item:
    """Write a superseded version."""
    version: Item = {"version": {"N": str(record.version)}}
    if record.json is None:
        return version | {"deleted": {"BOOL": True}, "updated": {"S": record.updated}}
    return version | {"resource": {"B": codec.pack(record.json)}}


def row_content(json: bytes, key_bytes: int) -> Item:
    """Give rows their copy of a resource; where that passes a write unit, what searches look at."""
    room = ROW_BYTES - key_bytes - len("pksk") - len("resource")
    whole = codec.pack(json)
    if len(whole) <= room:
        return {"resource": {"B": whole}}
    part = codec.pack(fhirjson.dumps(stub(fhirjson.loads(json))))
    partial: Item = {"partial": {"BOOL": True}}
    if len(part) + len("partial") + 1 <= room:
        return partial | {"resource": {"B": part}}
    return partial


@write_operations.register
def _(new: Slot, old: Slot, tenant: str) -> Iterator[Operation]:
    """Write a slot: whole where its epoch rises, else as an addition that many may make at once."""
    if new.epoch == old.epoch:
        yield _addition(new, old, tenant)
    elif old.rev:
        values = {"rev": {"N": str(old.rev)}, "epoch": {"N": str(old.epoch)}}
        condition = "#rev = :rev AND #epoch = :epoch"
        yield put(address_of(new, tenant), slot_item(new), condition, **values)
    else:
        yield put(address_of(new, tenant), slot_item(new), ABSENT)


def _addition(new: Slot, old: Slot, tenant: str) -> Operation:
    """Move only the bounds that the change moves, each on condition that it is still to be moved.

    Within an epoch bounds only widen, so that one which need not be moved now never will.
    """
    sets, adds = ["#epoch = :epoch"], ["#rev :more"]
    values: Item = {"epoch": {"N": str(new.epoch)}, "more": {"N": str(new.rev - old.rev)}}
    conditions = ["#epoch = :epoch"] if old.rev else [ABSENT]
    for name, beyond, bound, before in (
        ("first", ">", new.figures.first, old.figures.first),
        ("last", "<", new.figures.last, old.figures.last),
        ("low", ">", new.low, old.low),
        ("high", "<", new.high, old.high),
    ):
        if bound != before:
            sets.append(f"#{name} = :{name}")
            conditions.append(f"(attribute_not_exists(#{name}) OR #{name} {beyond} :{name})")
            values[name] = {"S": bound}
    if new.arrived != old.arrived:
        sets.append("#arrived = :arrived")
        values["arrived"] = {"S": new.arrived}
    if new.figures.dirty and not old.figures.dirty:
        sets.append("#dirty = :dirty")
        values["dirty"] = {"BOOL": True}
    if senders := new.figures.senders - old.figures.senders:
        adds.append("#senders :senders")
        values["senders"] = {"SS": sorted(senders)}
    expression = f"SET {', '.join(sets)} ADD {', '.join(adds)}"
    return update(address_of(new, tenant), expression, " AND ".join(conditions), **values)
