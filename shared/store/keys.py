"""Keys, formatted from the catalogue's access patterns."""

from hashlib import sha256
from typing import NamedTuple

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import AccessPattern, segment
from shared.fhir import ulids
from shared.rules.state import SlotKey

# An id of ours is `<header>.<ULID>`; FHIR ends ids at 64 characters.
LONGEST_HEADER_ID = 64 - 1 - 26
HEADER_SORT = patterns.HEADER.sort
# Sort after every character that the keys use.
AFTER_ALL = "\x7f"
EVERYTHING = (" ", AFTER_ALL)
MESSAGES = ("m#", "m#" + AFTER_ALL)


class Address(NamedTuple):
    """Where an item is: the catalogue's name of its table and its two keys."""

    table: str
    pk: str
    sk: str


class Place(NamedTuple):
    """Where in the threads a Communication is kept: its thread's id and its sort key."""

    thread: str
    sort: str

    @property
    def is_message(self) -> bool:
        """Tell a message from a header."""
        return self.sort != HEADER_SORT


def address(pattern: AccessPattern, tenant: str, **parts: object) -> Address:
    """Format an address of a pattern; the parts are ids and numbers of this service."""
    partition = pattern.partition.format(**parts)
    return Address(pattern.table, f"{tenant}#{partition}", pattern.sort.format(**parts))


def encounter(tenant: str, encounter_id: str) -> Address:
    """Give the address of an Encounter's current version."""
    return Address(patterns.ENCOUNTER, f"{tenant}#{encounter_id}", patterns.CURRENT.sort)


def resource(tenant: str, resource_type: str, resource_id: str) -> Address:
    """Give the address of the current version of a resource of the directory or the records."""
    return address(patterns.RESOURCE_CURRENT, tenant, type=resource_type, id=resource_id)


def communication_at(tenant: str, place: Place) -> Address:
    """Give the address of a Communication's current version."""
    return Address(patterns.THREAD, f"{tenant}#{place.thread}", place.sort)


def home_place(communication_id: str) -> Place:
    """Give the place an id speaks of: the Communication is there, or a locator naming its place."""
    header, _, ulid = communication_id.rpartition(".")
    if header and len(header) <= LONGEST_HEADER_ID and ulids.PATTERN.fullmatch(ulid):
        return Place(header, f"m#{ulid}")
    return Place(communication_id, HEADER_SORT)


def current(tenant: str, resource_type: str, resource_id: str) -> Address:
    """Give the address that the id of a resource speaks of."""
    if resource_type == "Encounter":
        return encounter(tenant, resource_id)
    if resource_type == "Communication":
        return communication_at(tenant, home_place(resource_id))
    return resource(tenant, resource_type, resource_id)


def version(tenant: str, resource_type: str, resource_id: str, number: int) -> Address:
    """Give the address of a superseded version."""
    if resource_type == "Encounter":
        return address(patterns.VERSION, tenant, id=resource_id, version=f"{number:08}")
    if resource_type == "Communication":
        return address(
            patterns.COMMUNICATION_VERSION,
            tenant,
            id=home_place(resource_id).thread,
            resource=resource_id,
            version=f"{number:08}",
        )
    return address(
        patterns.RESOURCE_VERSION,
        tenant,
        type=resource_type,
        id=resource_id,
        version=f"{number:08}",
    )


def span(tenant: str, encounter_id: str, thread: str) -> Address:
    """Give the address of a thread's range in a session."""
    return address(patterns.SPAN, tenant, id=encounter_id, thread=thread)


def pending(tenant: str, encounter_id: str) -> Address:
    """Give the address of the body that a closing waits to write."""
    return address(patterns.PENDING, tenant, id=encounter_id)


def slot(tenant: str, key: SlotKey) -> Address:
    """Give the address of a slot."""
    pattern = patterns.DAY if key.day else patterns.STATE
    return address(pattern, tenant, id=key.partition, day=key.day)


def adoption(tenant: str, thread: str, epoch: int) -> Address:
    """Give the address that names the session which adopted an epoch's messages."""
    return address(patterns.ADOPTION, tenant, id=thread, epoch=f"{epoch:010}")


def index_row(partition: str, sort: str) -> Address:
    """Give the address of an index row."""
    return Address(patterns.table_of_row(sort), partition, sort)


def guard(tenant: str, resource_type: str, system: str, value: str) -> Address:
    """Give the address of the item that guards an identifier."""
    return address(
        patterns.GUARD, tenant, type=resource_type, value=f"{segment(system)}|{segment(value)}"
    )


def claim(tenant: str, resource_type: str, query: str) -> Address:
    """Give the address of the item that guards any other query, which is known by its hash."""
    hashed = sha256(query.encode()).hexdigest()
    return address(patterns.CLAIM, tenant, type=resource_type, hash=hashed)


def quota(tenant: str, resource_type: str, person: str, day: str) -> Address:
    """Return the address of the item that counts what somebody created on a day."""
    return address(patterns.QUOTA, tenant, type=resource_type, person=segment(person), day=day)


def held(tenant: str, encounter_id: str) -> Address:
    """Return the address of the item that keeps an Encounter from being sent to the workers."""
    pattern = patterns.HELD
    sort = pattern.sort.format(tenant=tenant, id=encounter_id)
    return Address(pattern.table, pattern.partition, sort)


def reindexing(item: str) -> Address:
    """Give the address of an item about the reindexing of all tenants."""
    pattern = patterns.REINDEXING
    return Address(pattern.table, pattern.partition, pattern.sort.format(item=item))


def is_identifier_guard(guard_or_claim: Address) -> bool:
    """Tell an identifier's guard from that of another query."""
    return guard_or_claim.sk == patterns.GUARD.sort
