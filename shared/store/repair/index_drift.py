"""Compare a record's index rows with what is stored, and repair them in one transaction."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson, instants
from shared.settings import settings
from shared.store import codec, keys, reading
from shared.store.index import long_encounters
from shared.store.index.rows import RowKey, row_keys, stub
from shared.store.items import Item
from shared.store.keys import Address
from shared.store.operations import (
    Operation,
    condition_check,
    delete,
    due_address,
    put,
    row_content,
    unchanged_condition,
)
from shared.store.records import CommunicationRecord, CurrentRecord, EncounterRecord, ResourceRecord


@dataclass(frozen=True, slots=True)
class Drift:
    """The difference between the stored rows of a record and those that it should have.

    `rows` are all keys that it should have, `wrong` those whose row is missing or has other
    content, `superfluous` those to be deleted. `due` is the address of a missing due row. `is_long`
    says that the record should have long rows.
    """

    record: CurrentRecord
    rows: tuple[RowKey, ...]
    wrong: tuple[RowKey, ...]
    superfluous: tuple[RowKey, ...]
    due: Address | None
    is_long: bool = False

    @property
    def count(self) -> int:
        """The number of rows to write or delete; 1 if only the record itself is wrong."""
        changes = len(self.wrong) + len(self.superfluous) + bool(self.due)
        return changes or int(self.is_noted_wrongly)

    @property
    def is_noted_wrongly(self) -> bool:
        """Whether the record names other rows than it should have."""
        record = self.record
        return set(self.rows) != set(record.rows) or self.is_long is not record.is_long

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
        for pk, sk in self.wrong:
            yield put(keys.index_row(pk, sk), row_content(record.json or b"", self.rows))
        if self.due:
            yield put(self.due, {})

    def _noted(self) -> CurrentRecord:
        record = self.record
        if isinstance(record, EncounterRecord):
            return replace(record, rows=self.rows, rev=record.rev + 1, is_long=self.is_long)
        return replace(record, rows=self.rows, rebuilt=record.rebuilt + 1)


def drift(record: CurrentRecord, tenant: str) -> Drift:
    """Compare a record's rows with what is stored. Raises BusinessRule if they are too many."""
    is_long = _is_long(record)
    wanted = (
        () if record.deleted else row_keys(record.resource, record.created, tenant, is_long=is_long)
    )
    due = due_address(record, tenant) if isinstance(record, EncounterRecord) else None
    addresses = [keys.index_row(*key) for key in (*wanted, *record.rows)]
    stored = reading.items_at([*addresses, *([due] if due else [])])
    rows = {address.key: item for address, item in stored.items()}
    return Drift(
        record,
        wanted,
        tuple(key for key in wanted if not _is_copy(rows.get(key), record, wanted)),
        tuple(key for key in record.rows if key in rows and key not in wanted),
        None if due in stored else due,
        is_long,
    )


def _is_long(record: CurrentRecord) -> bool:
    """Return whether a record should have long rows; an open Encounter keeps those that it has."""
    if not isinstance(record, EncounterRecord) or record.deleted:
        return False
    stays_long = record.is_long and long_encounters.is_open(record.resource)
    return stays_long or long_encounters.is_long(record.resource, instants.now(), settings().zone)


def _is_copy(item: Item | None, record: CurrentRecord, rows: tuple[RowKey, ...]) -> bool:
    """Return whether a row has the content that it should have of a resource."""
    if item is None:
        return False
    packed = item.get("resource")
    if packed is None:
        return "partial" in item and "resource" not in row_content(record.json or b"", rows)
    json = codec.unpack(bytes(packed["B"]))[0]
    if "partial" in item:
        return json == fhirjson.dumps(stub(record.resource))
    return json == record.json


def current_record(table: str, item: Item) -> CurrentRecord | None:
    """Return the record of a scanned item, or None if it is not a current version."""
    sort: str = item["sk"]["S"]
    if table == patterns.ENCOUNTER:
        return EncounterRecord.from_item(item) if sort == patterns.CURRENT.sort else None
    if table == patterns.RESOURCE:
        return ResourceRecord.from_item(item) if sort == patterns.RESOURCE_CURRENT.sort else None
    is_current = sort == keys.HEADER_SORT or sort.startswith(patterns.MESSAGE.prefix)
    return CommunicationRecord.from_item(item) if is_current and "to" not in item else None
