"""Which index rows a resource has, and what a row too small for the whole resource keeps of it."""

from collections import Counter
from collections.abc import Iterator
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from shared.catalog.parameters import SEARCH_PARAMS, SPREAD, Index
from shared.errors import BusinessRule
from shared.fhir import instants, words
from shared.fhir.search_values import Reference, elements, paths, values
from shared.rules import compartments
from shared.settings import settings
from shared.store.index import long_encounters, order, partitions
from shared.store.index.row_kinds import Kind, kind_of

type Resource = dict[str, Any]
type RowKey = tuple[str, str]
# What is kept of an element by property; None where that is everything.
type _Names = dict[str, "_Names | None"]

# An update may delete and write them all, and the guards of identifiers, in one transaction of 100
# items.
MOST_ROWS = 40


def row_keys(
    resource: Resource,
    created: str,
    tenant: str = "-",
    zone: tzinfo | None = None,
    *,
    is_long: bool = False,
    most: int = MOST_ROWS,
) -> tuple[RowKey, ...]:
    """Give the keys of a resource's index rows; `zone` is the deployment's where it is not given.

    What `is_long` has a second row where rows are in order of dates. Raises BusinessRule where they
    are too many.
    """
    zone = zone or settings().zone
    place, kind = order.position(resource, created, zone) + "#" + resource["id"], kind_of(resource)
    found = dict(_indexed(resource, tenant, zone))
    listed = _listed(resource, kind, tenant, place)
    recorded = dict(_recorded(resource, tenant, place))
    by_element = Counter((*found.values(), *recorded.values()))
    by_element[f"{resource['resourceType']}.identifier"] += (guards := _guards(resource))
    indexed = ((partition, _sort(word, kind.prefix + place)) for partition, word in found)
    once = (*indexed, *listed, *recorded)
    second = tuple(
        (partition, long_encounters.LONG_PREFIX + sort) for partition, sort in once if sort == place
    )
    twice = len(second) * _may_be_long(resource, is_long=is_long)
    if (count := len(once) + twice + guards + _reserved(resource)) > most:
        raise _too_many(count, by_element)
    return once + second if is_long else once


def value_partitions(resource: Resource, tenant: str, zone: tzinfo) -> set[str]:
    """Return the partitions of the values by which a resource is found."""
    return {partition for (partition, _), _ in _indexed(resource, tenant, zone)}


def _may_be_long(resource: Resource, *, is_long: bool) -> bool:
    """Tell whether second rows count: what is open may get them when it has lasted long."""
    return is_long or (
        resource["resourceType"] == "Encounter" and long_encounters.is_open(resource)
    )


def _guards(resource: Resource) -> int:
    """Count the guards that a resource's identifiers have."""
    found = (*elements(resource, ("identifier",)), *elements(resource, ("masterIdentifier",)))
    return len({(one.get("system"), one.get("value")) for one in found})


def _reserved(resource: Resource) -> int:
    """Count the row of the link that a session, when it opens, writes on what has none."""
    return int(resource["resourceType"] == "Communication" and "encounter" not in resource)


def free_values(resource: Resource) -> int:
    """Give how many more values a resource may have that searches find it by."""
    zone = settings().zone
    is_long = long_encounters.is_long(resource, instants.now(), zone)
    listed = _listed(resource, kind_of(resource), "-", "")
    found = len(dict(_indexed(resource, "-", zone)))
    free = MOST_ROWS - found - len(listed) - _guards(resource)
    if not _may_be_long(resource, is_long=is_long):
        return free
    return (free - found - sum(sort == "" for _, sort in listed)) // 2


def _sort(word: str, place: str) -> str:
    """Give the sort key of a row: one of a word is in the order of words."""
    return f"{word}{words.END}{place.rpartition('#')[2]}" if word else place


def _indexed(
    resource: Resource, tenant: str, zone: tzinfo
) -> Iterator[tuple[tuple[str, str], str]]:
    """Give the partition of each value of each parameter that has rows, and whose value it is.

    Beside the partition is the word that a row is of; empty for what is not found by words.
    """
    for param in SEARCH_PARAMS.of(resource["resourceType"]).values():
        if param.index is not Index.ROW:
            continue
        shard = partitions.shard(resource["id"], param.spread)
        for value in values(resource, param, zone):
            if param.type == "string":
                for word in words.keys([str(value)]):
                    yield (partitions.of_word(tenant, param, word), word), param.expression
                continue
            for key in partitions.value_keys(param, value):
                yield (partitions.of_value(tenant, param, key)[shard], ""), param.expression
    if resource["resourceType"] == "Encounter" and "partOf" in resource:
        # By these, who sees a part finds the whole.
        for person in compartments.owners(resource):
            yield (partitions.of_parts(tenant, person), ""), "Encounter.partOf"


def _recorded(resource: Resource, tenant: str, place: str) -> Iterator[tuple[RowKey, str]]:
    """Give the rows in the partitions of the Encounters that a record names, and where it does."""
    prefix = partitions.record_prefix(resource["resourceType"])
    for encounter_id, element in encounter_elements(resource).items():
        yield (partitions.of_encounter(tenant, encounter_id), prefix + place), element


def encounter_elements(resource: Resource) -> dict[str, str]:
    """Give the ids of the Encounters that a record was made during, each with the element."""
    return {
        value.text.partition("/")[2]: param.expression
        for param in SEARCH_PARAMS.of(resource["resourceType"]).values()
        if param.keyed == "Encounter"
        for value in values(resource, param)
        if isinstance(value, Reference) and partitions.is_keyed(param, value)
    }


def _listed(resource: Resource, kind: Kind, tenant: str, place: str) -> list[RowKey]:
    """Give the rows in the listings of the type, in that of the resource's kind too."""
    resource_type, resource_id = resource["resourceType"], resource["id"]
    shard = partitions.shard(resource_id, SPREAD)
    updated = f"{resource['meta']['lastUpdated']}#{resource_id}"
    return [
        (
            partitions.listing(tenant, resource_type, name)[shard],
            updated if by_update else place,
        )
        for name, by_update in _listings(resource_type, kind.listing)
    ]


def _listings(resource_type: str, of_kind: str) -> Iterator[tuple[str, bool]]:
    """Give the listings a resource is in by name, and whether they are in order of last update."""
    for param in SEARCH_PARAMS.of(resource_type).values():
        if param.index is Index.LISTING and param.type == "date":
            yield param.code, param.code == order.UPDATED.param
    if of_kind:
        yield of_kind, resource_type != "Encounter"


def _too_many(count: int, by_element: "Counter[str]") -> BusinessRule:
    element, most = by_element.most_common(1)[0]
    return BusinessRule(
        f"A resource has at most {MOST_ROWS} values that searches find it by",
        expression=element,
        diagnostics=f"It has {count}, {most} of them here",
    )


def stub(resource: Resource) -> Resource:
    """Cut a resource to what its type's search parameters look at, with `id` and `meta`."""
    params = SEARCH_PARAMS.of(resource["resourceType"]).values()
    looked_at = _looked_at(tuple(param.expression for param in params))
    cut: Resource = _cut(resource, looked_at)
    return cut


@lru_cache
def _looked_at(expressions: tuple[str, ...]) -> _Names:
    """Give the elements that expressions name, as a tree; its leaves are kept whole."""
    tree: _Names = {}
    named = [part.names for one in expressions if one for part in paths(one)]
    contained = [("contained", name) for name in ("resourceType", "id")]
    for *way, leaf in (("resourceType",), ("id",), *contained, *named, ("meta",)):
        branch: _Names | None = tree
        for name in way:
            branch = branch.setdefault(name, {}) if branch is not None else None
        if branch is not None:
            branch[leaf] = None
    return tree


def _cut(element: Any, names: _Names | None) -> Any:
    if isinstance(element, list):
        return [_cut(part, names) for part in element]
    if names is None or not isinstance(element, dict):
        return element
    return {name: _cut(part, names[name]) for name, part in element.items() if name in names}
