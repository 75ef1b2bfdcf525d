"""Guards: items that make a conditional create happen once, however many clients send it at once.

Each identifier in use has a guard. It counts the resources that have the identifier, and names the
unit of work that changed the count last. A conditional create whose search found nothing writes
only if the guard is as it was before the search. Any other query gets a guard, called a claim, when
it creates something; a claim expires after a day.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.fhir.elements import elements_at
from shared.store import dynamodb, items, keys
from shared.store.keys import Address
from shared.store.operations import ABSENT, Operation, condition_check, delete, put, update
from shared.store.records import VersionedRecord

type Identifier = tuple[str, str]
type Change = tuple[VersionedRecord, VersionedRecord | None]

CLAIM_LIFETIME = timedelta(days=1)


def record_identifiers(record: VersionedRecord | None) -> set[Identifier]:
    """Return the identifiers of a record, which are none if there is no record."""
    return resource_identifiers(record.resource) if record else set()


def resource_identifiers(resource: dict[str, Any]) -> set[Identifier]:
    """Return system and value of each identifier that has a value."""
    return {
        (identifier.get("system", ""), identifier["value"])
        for name in ("identifier", "masterIdentifier")
        for identifier in elements_at(resource, (name,))
        if "value" in identifier
    }


def last_writer(address: Address) -> str:
    """Return the unit of work that changed a guard last, or "" if there is no guard."""
    return items.text(dynamodb.get(address) or {}, "last")


def operations(
    changes: Iterable[Change],
    claims: Mapping[Address, str],
    *,
    tenant: str,
    work: str,
    now: datetime,
) -> Iterator[Operation]:
    """Yield the operations that update guards, and that check the ones a search relied on.

    `changes` are the records to be written, each with its previous state. `claims` are the guards
    of the searches that found nothing, each with what `last_writer` returned before the search.
    `work` names this unit of work.
    """
    count_changes = _count_changes(changes, tenant)
    for address, more in count_changes.items():
        yield _count_change(address, more, claims.get(address), work)
    for address in claims.keys() - count_changes.keys():
        condition, values = unchanged_guard(claims[address])
        if address.sk == patterns.GUARD.sort:
            yield condition_check(address, condition, **values)
        else:
            content = {"last": {"S": work}, "expires": items.expiry(now + CLAIM_LIFETIME)}
            yield put(address, content, condition, **values)


def _count_changes(changes: Iterable[Change], tenant: str) -> Counter[Address]:
    """Return by how much the count of each identifier's guard changes."""
    count_changes: Counter[Address] = Counter()
    for new, old in changes:
        if old is None or new.version != old.version:
            after, before = record_identifiers(new), record_identifiers(old)
            for step, changed in ((1, after - before), (-1, before - after)):
                for system, value in changed:
                    count_changes[keys.guard(tenant, new.type, system, value)] += step
    return count_changes


def unchanged_guard(writer: str) -> tuple[str, dict[str, dict[str, str]]]:
    """Return the condition, with its values, that a guard was not changed since it was read."""
    return ("#last = :read", {"read": {"S": writer}}) if writer else (ABSENT, {})


def _count_change(address: Address, more: int, last: str | None, work: str) -> Operation:
    """Return the operation that changes a guard's count, or deletes the guard at 0.

    `last` is the writer that the guard must still have, None if no search relied on the guard.
    """
    item = (dynamodb.get(address) or {}) if more < 0 else {}
    if more < 0 and last is None:
        last = items.text(item, "last")
    condition, values = ("", {}) if last is None else unchanged_guard(last)
    if more < 0 and items.number(item, "count") + more <= 0:
        return delete(address, condition, **values)
    values |= {"work": {"S": work}, "more": {"N": str(more)}}
    return update(address, "SET #last = :work ADD #count :more", condition, **values)
