"""One item for each identifier in use, so that conditional creates of one identifier can race.

The first resource with an identifier holds its guard; the others find it held.
"""

from collections.abc import Iterator

from shared.store import dynamodb, keys
from shared.store.operations import Operation, delete, update
from shared.store.records import Versioned

type Identifier = tuple[str, str]


def identifiers(record: Versioned | None) -> set[Identifier]:
    """Give the system and value of each identifier that has a value."""
    if record is None:
        return set()
    return {
        (identifier.get("system", ""), identifier["value"])
        for identifier in record.resource.get("identifier", ())
        if "value" in identifier
    }


def operations(new: Versioned, old: Versioned | None, tenant: str) -> Iterator[Operation]:
    """Claim the guards of new identifiers and release those that the resource held."""
    if old is not None and new.version == old.version:
        return
    after, before = identifiers(new), identifiers(old)
    holder = {"S": new.id}
    for system, value in after - before:
        address = keys.guard(tenant, new.type, system, value)
        yield update(address, "SET #holder = if_not_exists(#holder, :holder)", holder=holder)
    for system, value in before - after:
        address = keys.guard(tenant, new.type, system, value)
        item = dynamodb.get(address.table, (address.pk, address.sk))
        if item and item["holder"] == holder:
            yield delete(address, "#holder = :holder", holder=holder)
