"""The partitions of SearchTable: one for each value of a parameter, and the listings of a type."""

from zlib import crc32

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import segment
from shared.catalog.parameters import SPREAD, SearchParam
from shared.fhir import words
from shared.fhir.search_values import CONTACT_POINT, Reference, Token, Value

# The value under which references to contained resources are: their ids say nothing outside.
CONTAINED = "#"
# Where the resource tables' own keys find what refers to a type.
KEYED = {"Communication": patterns.THREAD, "Encounter": patterns.ENCOUNTER}


def shard(resource_id: str, spread: int) -> int:
    """Give which of the partitions of a listing or spread value a resource is in."""
    return crc32(resource_id.encode()) % spread


def value_key(param: SearchParam, value: Value) -> str:
    """Return by what a value is partitioned: a token's code, a reference; empty without a row.

    A reference of a parameter that takes any type is known by its id, so that a bare id finds it;
    all that name contained resources are together, for chains.
    """
    if isinstance(value, Token):
        # A bar at the beginning is doubled: what one stands before has no system.
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
    """Give all partitions a value is in: a code of no or another system is with its like, too."""
    key = value_key(param, value)
    alone = system_key(param, value.system, value.code) if isinstance(value, Token) else ""
    return tuple(one for one in (key, alone) if key and one)


def system_key(param: SearchParam, system: str, code: str) -> str:
    """Give by what a token's code is partitioned that has no system, or another than the usual.

    Empty for all others, which share the partition of the code.
    """
    if not system:
        # No telephone number has a system.
        return "" if param.element == CONTACT_POINT else f"|{code}"
    return f"|{system}|{code}" if param.usual and system != param.usual else ""


def is_keyed(param: SearchParam, value: Reference) -> bool:
    """Tell whether the resource tables' own keys find what has this reference."""
    return bool(param.keyed) and value.text.startswith(f"{param.keyed}/")


def of_value(tenant: str, param: SearchParam, key: str) -> tuple[str, ...]:
    """Give the partitions of a parameter's value, in the order of their shards."""
    name = patterns.ROW.partition.format(
        type=param.resource, parameter=param.partition_name, value=segment(key)
    )
    return spread_over(f"{tenant}#{name}", param.spread)


def of_word(tenant: str, param: SearchParam, word: str) -> str:
    """Give the partition of the words that begin like one, as its key has it."""
    name = patterns.WORD.partition.format(
        type=param.resource, parameter=param.partition_name, initial=segment(words.initial(word))
    )
    return f"{tenant}#{name}"


def of_parts(tenant: str, person: str) -> str:
    """Give the partition of the Encounters within others that are in a person's compartment."""
    return f"{tenant}#{patterns.PART.partition.format(value=segment(person))}"


def listing(tenant: str, resource_type: str, name: str) -> tuple[str, ...]:
    """Return the partitions of a listing, in the order of their shards."""
    spread = 1 if patterns.table_of_rows(resource_type) == patterns.AUDIT else SPREAD
    return tuple(
        f"{tenant}#"
        + patterns.LISTING.partition.format(
            type=resource_type, listing=name, shard=f"{number}/{spread}"
        )
        for number in range(spread)
    )


def of_encounter(tenant: str, encounter_id: str) -> str:
    """Give the Encounter's own partition, which has rows of what was recorded during it."""
    return f"{tenant}#{patterns.RECORD.partition.format(id=segment(encounter_id))}"


def record_prefix(resource_type: str) -> str:
    """Give what the sort keys of a type's rows there begin with."""
    return patterns.RECORD.sort.partition("{order}")[0].format(type=resource_type)


def spread_over(partition: str, spread: int) -> tuple[str, ...]:
    """Give the partitions over which one is spread."""
    if spread == 1:
        return (partition,)
    return tuple(f"{partition}#{number}/{spread}" for number in range(spread))
