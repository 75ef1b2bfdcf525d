"""Compare a record's index rows with what is stored, and repair them in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson, instants
from shared.settings import settings
from shared.store import codec, dynamodb, keys, reading
from shared.store.index import long_encounters
from shared.store.index.rows import RowKey, row_keys, stub
from shared.store.items import Item
from shared.store.keys import Address
from shared.store.operations import (
    ABSENT,
    Operation,
    condition_check,
    delete,
    due_address,
    put,
    row_content,
    unchanged_condition,
)
from shared.store.records import CommunicationRecord, EncounterRecord, ResourceRecord

type Record = EncounterRecord | CommunicationRecord | ResourceRecord


@dataclass(frozen=True, slots=True)
class Drift:
    """How the stored rows of a record differ from those that it should have.

    `rows` are all keys that it should have, `wrong` those whose row is missing or has other
    content, `superfluous` those to be deleted. `due` is the address of a missing due row. `is_long`
    says that the record should have long rows.
    """

    record: Record
    rows: tuple[RowKey, ...]
    wrong: tuple[RowKey, ...]
    superfluous: tuple[RowKey, ...]
    due: Address | None
    is_long: bool = False

    @property
    def count(self) -> int:
        """How many rows to write or delete; 1 if only the record itself is wrong."""
        changes = len(self.wrong) + len(self.superfluous) + bool(self.due)
        return changes or int(self.is_noted_wrongly)

    @property
    def is_noted_wrongly(self) -> bool:
        """Whether the record names other rows than it should have."""
        record = self.record
        was_long = isinstance(record, EncounterRecord) and record.is_long
        return set(self.rows) != set(record.rows) or self.is_long is not was_long

    def repair_operations(self, tenant: str) -> Iterator[Operation]:
        """Yield the operations that repair the rows if the record is as it was read."""
        record, (condition, values) = self.record, unchanged_condition(self.record)
        address = record.address(tenant)
        if self.is_noted_wrongly:
            # Fails writers that have read the record with the rows that it named before.
            yield put(address, self._noted().to_item(), condition, **values)
        else:
            yield condition_check(address, condition, **values)
        for pk, sk in self.superfluous:
            yield delete(keys.index_row(pk, sk))
        longest_key = max((len(pk) + len(sk) for pk, sk in self.rows), default=0)
        for pk, sk in self.wrong:
            yield put(keys.index_row(pk, sk), row_content(record.json or b"", longest_key))
        if self.due:
            yield put(self.due, {})

    def _noted(self) -> Record:
        record = self.record
        if isinstance(record, EncounterRecord):
            return replace(record, rows=self.rows, rev=record.rev + 1, is_long=self.is_long)
        return replace(record, rows=self.rows, rebuilt=record.rebuilt + 1)


def drift(record: Record, tenant: str) -> Drift:
    """Compare a record's rows with what is stored. Raises BusinessRule if they are too many."""
    is_long, wanted = _is_long(record), tuple[RowKey, ...]()
    if not record.deleted:
        wanted = row_keys(record.resource, record.created, tenant, is_long=is_long)
    due = (
        due_address(record, tenant) if isinstance(record, EncounterRecord) and record.due else None
    )
    all_keys = dict.fromkeys((*wanted, *record.rows, *([(due.pk, due.sk)] if due else [])))
    stored = dict(_stored(all_keys))
    longest_key = max((len(pk) + len(sk) for pk, sk in wanted), default=0)
    has_due = due is None or (due.pk, due.sk) in stored
    return Drift(
        record,
        wanted,
        tuple(key for key in wanted if not _is_copy(stored.get(key), record, longest_key)),
        tuple(key for key in record.rows if key in stored and key not in wanted),
        None if has_due else due,
        is_long,
    )


def _stored(asked: Iterable[RowKey]) -> Iterator[tuple[RowKey, Item]]:
    by_table: dict[str, list[RowKey]] = defaultdict(list)
    for key in asked:
        by_table[keys.index_row(*key).table].append(key)
    for table, of_table in by_table.items():
        for item in dynamodb.batch_get(table, of_table):
            yield (item["pk"]["S"], item["sk"]["S"]), item


def _is_long(record: Record) -> bool:
    """Return whether a record should have long rows; an open Encounter keeps those that it has."""
    if not isinstance(record, EncounterRecord) or record.deleted:
        return False
    stays_long = record.is_long and long_encounters.is_open(record.resource)
    return stays_long or long_encounters.is_long(record.resource, instants.now(), settings().zone)


def _is_copy(item: Item | None, record: Record, longest_key: int) -> bool:
    """Return whether a row has the content that it should have of a resource."""
    if item is None:
        return False
    packed = item.get("resource")
    if packed is None:
        return "partial" in item and "resource" not in row_content(record.json or b"", longest_key)
    json = codec.unpack(bytes(packed["B"]))[0]
    if "partial" in item:
        return json == fhirjson.dumps(stub(record.resource))
    return json == record.json


def current_record(table: str, item: Item) -> Record | None:
    """Return the record of a scanned item, or None if it is not a current version."""
    sort: str = item["sk"]["S"]
    if table == patterns.ENCOUNTER:
        return EncounterRecord.from_item(item) if sort == patterns.CURRENT.sort else None
    if table == patterns.RESOURCE:
        return ResourceRecord.from_item(item) if sort == patterns.RESOURCE_CURRENT.sort else None
    is_current = sort == keys.HEADER_SORT or sort.startswith("m#")
    return CommunicationRecord.from_item(item) if is_current and "to" not in item else None


def row_owner(key: RowKey) -> tuple[str, str, str] | None:
    """Return tenant, type and id of the resource that a row belongs to; None if it is no row."""
    tenant, _, name = key[0].partition("#")
    is_due = tenant == "due"
    if is_due:
        _, tenant, encounter_id = key[1].split("#")
        return tenant, "Encounter", encounter_id
    resource_type, mark, _ = name.partition("?")
    if key[1].startswith(patterns.RECORD_PREFIX):
        resource_type, mark = key[1].split("#")[1], patterns.RECORD_PREFIX
    return (tenant, resource_type, key[1].rpartition("#")[2]) if mark else None


def orphan_deletion(
    key: RowKey, tenant: str, resource_type: str, resource_id: str
) -> list[Operation]:
    """Return the transaction that deletes a row which its resource does not name.

    It is empty if the resource names the row.
    """
    record = reading.current(tenant, resource_type, resource_id)
    address = keys.index_row(*key)
    if record is None:
        return [
            condition_check(keys.current(tenant, resource_type, resource_id), ABSENT),
            delete(address),
        ]
    if not isinstance(record, EncounterRecord | CommunicationRecord | ResourceRecord):
        raise TypeError(resource_type)
    if key in record.rows:
        return []
    due = isinstance(record, EncounterRecord) and record.due and due_address(record, tenant)
    if address == due:
        return []
    condition, values = unchanged_condition(record)
    return [condition_check(record.address(tenant), condition, **values), delete(address)]
