"""The keys of every item except index rows, made from the catalogue's access patterns."""

from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import AccessPattern, encode_segment
from shared.fhir import ulids
from shared.rules.state import SlotKey

# The server's own id of a message is `<header>.<ULID>`, and FHIR limits ids to 64 characters.
LONGEST_HEADER_ID = 64 - 1 - 26
HEADER_SORT = patterns.HEADER.sort
# Sorts after every character that occurs in keys.
AFTER_ALL = "\x7f"
FULL_RANGE = (" ", AFTER_ALL)


class Address(NamedTuple):
    """The address of an item: its table's name in the catalogue, and its two keys."""

    table: str
    pk: str
    sk: str

    @property
    def key(self) -> tuple[str, str]:
        """The two keys, which tell the items of a table apart."""
        return self.pk, self.sk


class Place(NamedTuple):
    """The place of a Communication: the id of its thread and its sort key."""

    thread: str
    sort: str

    @property
    def is_message(self) -> bool:
        """Whether this is the place of a message, not of a header."""
        return self.sort != HEADER_SORT


def partition(pattern: AccessPattern, tenant: str, **parts: object) -> str:
    """Return the partition key of a pattern's items.

    `parts` are this server's own ids and numbers, or values that `encode_segment` has encoded.
    """
    return f"{tenant}#{pattern.partition.format(**parts)}"


def address(pattern: AccessPattern, tenant: str, **parts: object) -> Address:
    """Return the address of a pattern's item, whose `parts` are as those of `partition`."""
    sort = pattern.sort.format(**parts)
    return Address(pattern.table, partition(pattern, tenant, **parts), sort)


def shared_address(pattern: AccessPattern, **parts: object) -> Address:
    """Return the address of an item in a partition that all tenants share."""
    return Address(pattern.table, pattern.partition.format(**parts), pattern.sort.format(**parts))


def beginning_with(prefix: str) -> tuple[str, str]:
    """Return the range of the sort keys that begin with a prefix."""
    return prefix, prefix + AFTER_ALL


MESSAGE_RANGE = beginning_with(patterns.MESSAGE.prefix)


def message_sort(ulid: str) -> str:
    """Return the sort key of the message with a ULID, or the beginning of one."""
    return patterns.MESSAGE.sort.format(ulid=ulid)


def encounter(tenant: str, encounter_id: str) -> Address:
    """Return the address of an Encounter's current version."""
    return address(patterns.CURRENT, tenant, id=encounter_id)


def resource(tenant: str, resource_type: str, resource_id: str) -> Address:
    """Return the address of the current version of a resource of the directory or the records."""
    return address(patterns.RESOURCE_CURRENT, tenant, type=resource_type, id=resource_id)


def communication_at(tenant: str, place: Place) -> Address:
    """Return the address of the Communication at a place."""
    return Address(patterns.THREAD, f"{tenant}#{place.thread}", place.sort)


@lru_cache(maxsize=1024)
def home_place(communication_id: str) -> Place:
    """Return the place that an id names.

    The Communication is there, or a locator that names its actual place.
    """
    header, _, ulid = communication_id.rpartition(".")
    if header and len(header) <= LONGEST_HEADER_ID and ulids.PATTERN.fullmatch(ulid):
        return Place(header, message_sort(ulid))
    return Place(communication_id, HEADER_SORT)


def current(tenant: str, resource_type: str, resource_id: str) -> Address:
    """Return the address that a resource's id names, where a Communication may have a locator."""
    if resource_type == "Encounter":
        return encounter(tenant, resource_id)
    if resource_type == "Communication":
        return communication_at(tenant, home_place(resource_id))
    return resource(tenant, resource_type, resource_id)


def version(tenant: str, resource_type: str, resource_id: str, number: int) -> Address:
    """Return the address of a superseded version."""
    numbered = f"{number:08}"
    if resource_type == "Encounter":
        return address(patterns.VERSION, tenant, id=resource_id, version=numbered)
    if resource_type == "Communication":
        return address(
            patterns.COMMUNICATION_VERSION,
            tenant,
            id=home_place(resource_id).thread,
            resource=resource_id,
            version=numbered,
        )
    return address(
        patterns.RESOURCE_VERSION, tenant, type=resource_type, id=resource_id, version=numbered
    )


def children(tenant: str, encounter_id: str) -> str:
    """Return the partition with the index rows of the Encounters that are part of another."""
    value = f"Encounter/{encounter_id}"
    return partition(patterns.ROW, tenant, type="Encounter", parameter="part-of", value=value)


def span(tenant: str, encounter_id: str, thread: str) -> Address:
    """Return the address of a thread's span in a session."""
    return address(patterns.SPAN, tenant, id=encounter_id, thread=thread)


def pending(tenant: str, encounter_id: str) -> Address:
    """Return the address of the body that a closing is going to write."""
    return address(patterns.PENDING, tenant, id=encounter_id)


@lru_cache(maxsize=1024)
def slot(tenant: str, key: SlotKey) -> Address:
    """Return the address of a slot, a thread's or a day's."""
    pattern = patterns.DAY if key.day else patterns.STATE
    return address(pattern, tenant, id=key.partition, day=key.day)


def adoption(tenant: str, thread: str, epoch: int) -> Address:
    """Return the address of the item that names the session which adopted an epoch's messages."""
    return address(patterns.ADOPTION, tenant, id=thread, epoch=f"{epoch:010}")


def index_row(partition: str, sort: str) -> Address:
    """Return the address of an index row."""
    return Address(patterns.index_table_of_key(sort), partition, sort)


def guard(tenant: str, resource_type: str, system: str, value: str) -> Address:
    """Return the address of an identifier's guard."""
    return address(
        patterns.GUARD,
        tenant,
        type=resource_type,
        value=f"{encode_segment(system)}|{encode_segment(value)}",
    )


def claim(tenant: str, resource_type: str, query: str) -> Address:
    """Return the address of the claim of a query without an identifier, keyed by its hash."""
    hashed = sha256(query.encode()).hexdigest()
    return address(patterns.CLAIM, tenant, type=resource_type, hash=hashed)


def quota(tenant: str, resource_type: str, person: str, day: str) -> Address:
    """Return the address of the item that counts what a person created on a day."""
    return address(
        patterns.QUOTA, tenant, type=resource_type, person=encode_segment(person), day=day
    )


def hold(tenant: str, encounter_id: str) -> Address:
    """Return the address of the item that keeps an Encounter from being sent to the workers."""
    return shared_address(patterns.HELD, tenant=tenant, id=encounter_id)


def reindexing(item: str) -> Address:
    """Return the address of an item about reindexing, which is common to all tenants."""
    return shared_address(patterns.REINDEXING, item=item)
