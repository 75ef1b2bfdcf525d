"""Items that let a conditional create happen once, whoever else asks for the same at that moment.

There is one for each identifier in use: it counts the resources that have it, and names the work
that changed their number last. Whoever found none writes only while it is as it was before the
search. Other queries have one too, once one of them has created something; it expires after a day.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.fhir.search_values import elements
from shared.store import dynamodb, items, keys
from shared.store.keys import Address
from shared.store.operations import ABSENT, Operation, check, delete, put, update
from shared.store.records import Versioned

type Identifier = tuple[str, str]
type Change = tuple[Versioned, Versioned | None]

CLAIM_LIFETIME = timedelta(days=1)


def record_identifiers(record: Versioned | None) -> set[Identifier]:
    """Give the system and value of each identifier that has a value."""
    return resource_identifiers(record.resource) if record else set()


def resource_identifiers(resource: dict[str, Any]) -> set[Identifier]:
    """Give the identifiers of a resource."""
    return {
        (identifier.get("system", ""), identifier["value"])
        for name in ("identifier", "masterIdentifier")
        for identifier in elements(resource, (name,))
        if "value" in identifier
    }


def last_writer(address: Address) -> str:
    """Read which work changed a guard last; nothing where it is not there."""
    item = dynamodb.get(address.table, (address.pk, address.sk))
    return items.text(item, "last") if item else ""


def operations(
    changes: Iterable[Change],
    claims: Mapping[Address, str],
    *,
    tenant: str,
    work: str,
    now: datetime,
) -> Iterator[Operation]:
    """Bring the guards of identifiers up to date, and hold each that is claimed to what was read.

    `changes` are the resources written with what they were, `claims` what `last` gave before the
    searches that found nothing, `work` the name of this work.
    """
    moved = _moved(changes, tenant)
    for address, more in moved.items():
        condition, values = unchanged_condition(claims[address]) if address in claims else ("", {})
        if more < 0:
            yield _released(address, more, claims.get(address), work)
        else:
            expression = "SET #last = :work ADD #count :more"
            values |= {"work": {"S": work}, "more": {"N": str(more)}}
            yield update(address, expression, condition, **values)
    for address in claims.keys() - moved.keys():
        condition, values = unchanged_condition(claims[address])
        if keys.is_identifier_guard(address):
            yield check(address, condition, **values)
        else:
            expires = {"N": str(int((now + CLAIM_LIFETIME).timestamp()))}
            yield put(address, {"last": {"S": work}, "expires": expires}, condition, **values)


def _moved(changes: Iterable[Change], tenant: str) -> Counter[Address]:
    """Count by how many more or fewer resources have each identifier that was added or removed."""
    moved: Counter[Address] = Counter()
    for new, old in changes:
        if old is None or new.version != old.version:
            after, before = record_identifiers(new), record_identifiers(old)
            for way, found in ((1, after - before), (-1, before - after)):
                for system, value in found:
                    moved[keys.guard(tenant, new.type, system, value)] += way
    return moved


def unchanged_condition(read: str) -> tuple[str, dict[str, dict[str, str]]]:
    """Give the condition that a guard is as it was read, by what changed it last."""
    return ("#last = :read", {"read": {"S": read}}) if read else (ABSENT, {})


def _released(address: Address, more: int, claimed: str | None, work: str) -> Operation:
    """Count those who no longer have an identifier; with the last of them its guard is gone."""
    item = dynamodb.get(address.table, (address.pk, address.sk)) or {}
    condition, values = unchanged_condition(
        items.text(item, "last") if claimed is None else claimed
    )
    if items.number(item, "count") + more <= 0:
        return delete(address, condition, **values)
    values |= {"work": {"S": work}, "more": {"N": str(more)}}
    return update(address, "SET #last = :work ADD #count :more", condition, **values)
