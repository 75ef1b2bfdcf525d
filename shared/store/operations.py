"""The transaction operations that write each kind of record if it is still as it was read."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache, singledispatch
from typing import TYPE_CHECKING, Any
from zlib import crc32

from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson
from shared.rules.state import Adoption, Slot, Span
from shared.store import codec, keys
from shared.store.dynamodb import table_name
from shared.store.index.rows import stub
from shared.store.items import (
    ADDRESSES,
    Item,
    adoption_item,
    key_attributes,
    slot_item,
    span_item,
)
from shared.store.keys import Address
from shared.store.records import (
    CommunicationRecord,
    CurrentRecord,
    EncounterRecord,
    PendingEncounter,
    ResourceRecord,
    RowKey,
    VersionedRecord,
)

if TYPE_CHECKING:  # only Subscriptions have them
    from shared.rules.subscription_state import (
        AnySubscription,
        Entry,
        Registration,
        SubscribedParameter,
        SubscriptionCount,
    )

type Operation = dict[str, dict[str, Any]]
type Record = (
    VersionedRecord
    | Slot
    | Span
    | Adoption
    | PendingEncounter
    | AnySubscription
    | Entry
    | Registration
    | SubscribedParameter
    | SubscriptionCount
)

# An item of up to 1 KB costs one write unit.
ROW_BYTES = 1024
DUE_SHARDS = 8

# Many attribute names are reserved words of DynamoDB, so expressions write each as `#name`.
_NAME = re.compile(r"#(\w+)")


def put(address: Address, item: Item, condition: str = "", **values: Any) -> Operation:
    """Return a put, under a condition whose values are written `:name`."""
    return _operation(
        "Put", address, {"Item": key_attributes(*address.key) | item}, condition, values
    )


def delete(address: Address, condition: str = "", **values: Any) -> Operation:
    """Return a delete."""
    return _operation("Delete", address, {"Key": key_attributes(*address.key)}, condition, values)


def update(address: Address, expression: str, condition: str = "", **values: Any) -> Operation:
    """Return an update, which creates the item if there is none."""
    body = {"Key": key_attributes(*address.key), "UpdateExpression": expression}
    return _operation("Update", address, body, condition, values)


def condition_check(address: Address, condition: str, **values: Any) -> Operation:
    """Return a condition check, which writes nothing."""
    return _operation(
        "ConditionCheck", address, {"Key": key_attributes(*address.key)}, condition, values
    )


def _operation(
    kind: str, address: Address, body: dict[str, Any], condition: str, values: dict[str, Any]
) -> Operation:
    body["TableName"] = table_name(address.table)
    if condition:
        body["ConditionExpression"] = condition
    if names := _names(condition + body.get("UpdateExpression", "")):
        body["ExpressionAttributeNames"] = {f"#{name}": name for name in names}
    if values:
        body["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    return {kind: body}


# Expressions are written in this code, so there are few of them.
@lru_cache(maxsize=256)
def _names(expressions: str) -> tuple[str, ...]:
    return tuple(_NAME.findall(expressions))


ABSENT = "attribute_not_exists(#pk)"


def address_of(record: Record, tenant: str) -> Address:
    """Return the address of a record's item."""
    if isinstance(record, VersionedRecord | PendingEncounter):
        return record.address(tenant)
    return ADDRESSES[type(record)](tenant, record)


@singledispatch
def write_operations(new: Any, _old: Any, _tenant: str) -> Iterator[Operation]:
    """Yield the operations that write a record, which was read as `old` (None if absent)."""
    raise TypeError(type(new).__name__)


@write_operations.register
def _(new: PendingEncounter, _old: PendingEncounter | None, tenant: str) -> Iterator[Operation]:
    yield put(new.address(tenant), new.to_item())


@write_operations.register
def _(new: Span, old: Span | None, tenant: str) -> Iterator[Operation]:
    """Write a span if it is as it was read, because two writers may widen it at once."""
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
    condition, values = unchanged_condition(old)
    yield put(new.address(tenant), new.to_item(), condition, **values)
    yield from _version_and_rows(new, old, tenant)
    before, after = due_address(old, tenant) if old else None, due_address(new, tenant)
    if before and before != after:
        yield delete(before)
    if after and before != after:
        yield put(after, {})


def due_address(record: EncounterRecord, tenant: str) -> Address | None:
    """Return the address of an Encounter's due row, or None if it is never due."""
    if not record.due:
        return None
    shard = crc32(record.id.encode()) % DUE_SHARDS
    return keys.shared_address(
        patterns.DUE, shard=shard, due=record.due, tenant=tenant, id=record.id
    )


@write_operations.register
def _(
    new: CommunicationRecord, old: CommunicationRecord | None, tenant: str
) -> Iterator[Operation]:
    home = keys.home_place(new.id)
    if old and old.place != new.place:
        yield from _move(new, old, tenant)
    else:
        condition, values = unchanged_condition(old)
        yield put(new.address(tenant), new.to_item(), condition, **values)
        if old is None and new.place != home:
            yield put(keys.communication_at(tenant, home), _locator(new), ABSENT)
    yield from _version_and_rows(new, old, tenant)


@write_operations.register
def _(new: ResourceRecord, old: ResourceRecord | None, tenant: str) -> Iterator[Operation]:
    condition, values = unchanged_condition(old)
    yield put(new.address(tenant), new.to_item(), condition, **values)
    yield from _version_and_rows(new, old, tenant)


def unchanged_condition(
    record: CurrentRecord | None,
) -> tuple[str, Item]:
    """Return the condition, with its values, that an item has not changed since it was read."""
    if record is None:
        return ABSENT, {}
    if isinstance(record, EncounterRecord):
        return "#rev = :rev", {"rev": {"N": str(record.rev)}}
    values: Item = {"v": {"N": str(record.version)}}
    if record.rebuilt:
        return "#version = :v AND #rebuilt = :r", values | {"r": {"N": str(record.rebuilt)}}
    return "#version = :v AND attribute_not_exists(#rebuilt)", values


def _move(new: CommunicationRecord, old: CommunicationRecord, tenant: str) -> Iterator[Operation]:
    """Move a Communication to a new place, with a locator at its home place if that is another."""
    home, (condition, values) = keys.home_place(new.id), unchanged_condition(old)
    old_address = old.address(tenant)
    is_free = "attribute_exists(#to)" if new.place == home else ABSENT
    yield put(new.address(tenant), new.to_item(), is_free)
    if old.place == home:
        yield put(old_address, _locator(new), condition, **values)
        return
    yield delete(old_address, condition, **values)
    if new.place != home:
        yield put(keys.communication_at(tenant, home), _locator(new))


def _locator(record: CommunicationRecord) -> Item:
    return {"to": {"L": [{"S": record.place.thread}, {"S": record.place.sort}]}}


def _version_and_rows(
    new: VersionedRecord, old: VersionedRecord | None, tenant: str
) -> Iterator[Operation]:
    """Store the superseded version if there is a new one, and update the index rows."""
    is_same = old is not None and new.version == old.version
    if old is not None and not is_same:
        address = keys.version(tenant, old.type, old.id, old.version)
        yield put(address, old.version_item())
    for pk, sk in set(old.rows if old else ()) - set(new.rows):
        yield delete(keys.index_row(pk, sk))
    added = [row for row in new.rows if not (old and is_same and row in old.rows)]
    if added:
        copy = row_content(new.json or b"", new.rows)
        for pk, sk in added:
            yield put(keys.index_row(pk, sk), copy)


def row_content(json: bytes, rows: Sequence[RowKey]) -> Item:
    """Return the attributes of index rows: the resource or its stub, if that fits a write unit."""
    key_bytes = max((len(pk) + len(sk) for pk, sk in rows), default=0)
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
    """Write a whole slot if its epoch rises, otherwise an update that several writers may make."""
    if new.epoch == old.epoch:
        yield _addition(new, old, tenant)
    elif old.rev:
        values = {"rev": {"N": str(old.rev)}, "epoch": {"N": str(old.epoch)}}
        condition = "#rev = :rev AND #epoch = :epoch"
        yield put(address_of(new, tenant), slot_item(new), condition, **values)
    else:
        yield put(address_of(new, tenant), slot_item(new), ABSENT)


def _addition(new: Slot, old: Slot, tenant: str) -> Operation:
    """Return an update of a slot within its epoch: of the bounds that change, if they still widen.

    Within an epoch bounds only widen and `arrived` only rises, so what need not change now never
    will.
    """
    sets, adds = ["#epoch = :epoch"], ["#rev :more"]
    values: Item = {"epoch": {"N": str(new.epoch)}, "more": {"N": str(new.rev - old.rev)}}
    conditions = ["#epoch = :epoch"] if old.rev else [ABSENT]
    for name, beyond, bound, before in (
        ("first", ">", new.figures.first, old.figures.first),
        ("last", "<", new.figures.last, old.figures.last),
        ("low", ">", new.low, old.low),
        ("high", "<", new.high, old.high),
        ("arrived", "<", new.arrived, old.arrived),
    ):
        if bound != before:
            sets.append(f"#{name} = :{name}")
            conditions.append(f"(attribute_not_exists(#{name}) OR #{name} {beyond} :{name})")
            values[name] = {"S": bound}
    if new.figures.dirty and not old.figures.dirty:
        sets.append("#dirty = :dirty")
        values["dirty"] = {"BOOL": True}
    if senders := new.figures.senders - old.figures.senders:
        adds.append("#senders :senders")
        values["senders"] = {"SS": sorted(senders)}
    expression = f"SET {', '.join(sets)} ADD {', '.join(adds)}"
    return update(address_of(new, tenant), expression, " AND ".join(conditions), **values)
