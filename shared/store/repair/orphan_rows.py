"""Index rows that no resource names: the resource that a row is of, and the row's deletion."""

from shared.catalog import access_patterns as patterns
from shared.store import keys, reading
from shared.store.index.rows import RowKey
from shared.store.operations import (
    ABSENT,
    Operation,
    condition_check,
    delete,
    due_address,
    unchanged_condition,
)
from shared.store.records import EncounterRecord


def row_owner(key: RowKey) -> tuple[str, str, str] | None:
    """Return tenant, type and id of the resource that a row belongs to; None if it is no row."""
    tenant, _, name = key[0].partition("#")
    if tenant == patterns.DUE.partition.partition("#")[0]:
        _, tenant, encounter_id = key[1].split("#")
        return tenant, "Encounter", encounter_id
    resource_type, mark, _ = name.partition("?")
    if key[1].startswith(patterns.RECORD.prefix):
        resource_type, mark = key[1].split("#")[1], patterns.RECORD.prefix
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
    due = due_address(record, tenant) if isinstance(record, EncounterRecord) else None
    if key in record.rows or address == due:
        return []
    condition, values = unchanged_condition(record)
    return [condition_check(record.address(tenant), condition, **values), delete(address)]
