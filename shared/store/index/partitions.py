"""The partition keys of SearchTable: one for each value of a parameter, and a type's listings."""

from functools import cache, lru_cache
from zlib import crc32

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import encode_segment
from shared.catalog.parameters import SPREAD, SearchParam
from shared.fhir import words
from shared.fhir.search_values import CONTACT_POINT, Reference, Token, Value
from shared.store import keys

# Stands for any reference to a contained resource, whose id means nothing outside its container.
CONTAINED = "#"
# Tables whose own keys find what refers to a resource of a type, without a row in SearchTable.
KEYED = {"Communication": patterns.THREAD, "Encounter": patterns.ENCOUNTER}


def shard(resource_id: str, spread: int) -> int:
    """Return the number of the shard that a resource belongs to."""
    return crc32(resource_id.encode()) % spread


def value_key(param: SearchParam, value: Value) -> str:
    """Return the part of a partition key that stands for a value; empty if the value has no row.

    That is a token's code, or a reference. If a parameter's targets are of any type, it is the id
    alone, so that a search by a bare id finds it. References to contained resources share one key,
    which chains read.
    """
    if isinstance(value, Token):
        # A leading bar is doubled, because a single one means that the code has no system.
        return f"|{value.code}" if value.code.startswith("|") else value.code
    if isinstance(value, str):
        return value
    if not isinstance(value, Reference):
        return ""
    if value.is_contained:
        return CONTAINED
    if is_keyed(param, value):
        return ""
    return value.text.rpartition("/")[2] if param.is_by_id else value.text


def value_keys(param: SearchParam, value: Value) -> tuple[str, ...]:
    """Return every key of a value.

    A code whose system is missing or unusual has a second key, with its system.
    """
    key = value_key(param, value)
    if not key:
        return ()
    with_system = system_key(param, value.system, value.code) if isinstance(value, Token) else ""
    return (key, with_system) if with_system else (key,)


def system_key(param: SearchParam, system: str, code: str) -> str:
    """Return the second key of a code whose system is missing or unusual.

    It is empty for any other code, which is found by the code's own partition.
    """
    if not system:
        # R4 gives telephone numbers no system.
        return "" if param.element == CONTACT_POINT else f"|{code}"
    return f"|{system}|{code}" if param.usual_system and system != param.usual_system else ""


def is_keyed(param: SearchParam, value: Reference) -> bool:
    """Return whether a resource table's own keys find the resources with this reference."""
    return bool(param.keyed_target) and value.text.startswith(f"{param.keyed_target}/")


def of_value(tenant: str, param: SearchParam, key: str) -> tuple[str, ...]:
    """Return the partitions of a parameter's value: one, or one a shard in the order of shards."""
    partition = keys.partition(
        patterns.ROW,
        tenant,
        type=param.resource,
        parameter=param.partition_name,
        value=encode_segment(key),
    )
    if param.spread == 1:
        return (partition,)
    return tuple(f"{partition}#{number}/{param.spread}" for number in range(param.spread))


def of_word(tenant: str, param: SearchParam, word: str) -> str:
    """Return the partition of a word, which it shares with all words of the same initial."""
    return keys.partition(
        patterns.WORD,
        tenant,
        type=param.resource,
        parameter=param.partition_name,
        initial=encode_segment(words.initial(word)),
    )


def of_medical_encounters(tenant: str, person: str) -> str:
    """Return the partition of the medical encounters in a person's compartment."""
    return keys.partition(patterns.PART, tenant, value=encode_segment(person))


def listing(tenant: str, resource_type: str, name: str) -> tuple[str, ...]:
    """Return the partitions of a listing, in the order of their shards."""
    spread = 1 if patterns.index_table(resource_type) == patterns.AUDIT else SPREAD
    return tuple(_listing(tenant, resource_type, name, f"{n}/{spread}") for n in range(spread))


def listing_of(tenant: str, resource_type: str, name: str, resource_id: str) -> str:
    """Return the partition of a listing that has a stored resource."""
    return _listing(tenant, resource_type, name, f"{shard(resource_id, SPREAD)}/{SPREAD}")


# Each write is in several listings, of which there are few.
@lru_cache(maxsize=1024)
def _listing(tenant: str, resource_type: str, name: str, shard: str) -> str:
    return keys.partition(patterns.LISTING, tenant, type=resource_type, listing=name, shard=shard)


def of_encounter_records(tenant: str, encounter_id: str) -> str:
    """Return the Encounter's own partition, which has the rows of its records."""
    return keys.partition(patterns.RECORD, tenant, id=encode_segment(encounter_id))


@cache
def record_prefix(resource_type: str) -> str:
    """Return the prefix of the sort keys of a type's rows in an Encounter's partition."""
    return patterns.RECORD.sort.partition("{order}")[0].format(type=resource_type)
