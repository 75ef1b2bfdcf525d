"""The keys of a resource's index rows, and the stub that a row holds of a large resource."""

from collections import Counter
from collections.abc import Iterator
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.catalog.types import BINARY
from shared.errors import BusinessRule
from shared.fhir import instants, words
from shared.fhir.elements import elements_at
from shared.fhir.search_values import Reference, parse_paths, values
from shared.rules import compartments
from shared.settings import settings
from shared.store.index import long_encounters, order, partitions
from shared.store.index.row_kinds import RowKind, row_kind

type Resource = dict[str, Any]
type RowKey = tuple[str, str]
# The properties that a stub keeps of an element; None keeps all of it.
type _Names = dict[str, "_Names | None"]

# An update may have to delete and write every row, and the guards of identifiers, in a transaction
# of at most 100 operations.
MOST_INDEX_ROWS = 40


def row_keys(
    resource: Resource,
    created: str,
    tenant: str = "-",
    zone: tzinfo | None = None,
    *,
    is_long: bool = False,
    most: int = MOST_INDEX_ROWS,
) -> tuple[RowKey, ...]:
    """Return the keys of a resource's index rows.

    `zone` defaults to the deployment's. If `is_long`, the rows that are ordered by date occur a
    second time as long rows. A Binary has no rows. Raises BusinessRule if there are more than
    `most`.
    """
    if resource["resourceType"] == BINARY:
        return ()
    zone = zone or settings().zone
    position = order.position(resource, created, zone) + "#" + resource["id"]
    kind = row_kind(resource)
    indexed_values = dict(_indexed(resource, tenant, zone))
    listing_rows = _listed(resource, kind, tenant, position)
    record_rows = dict(_recorded(resource, tenant, position))
    by_element = Counter((*indexed_values.values(), *record_rows.values()))
    by_element[f"{resource['resourceType']}.identifier"] += (guards := _guards(resource))
    value_rows = (
        (partition, _sort(word, kind.prefix + position)) for partition, word in indexed_values
    )
    first_rows = (*value_rows, *listing_rows, *record_rows)
    long_rows = tuple(
        (partition, long_encounters.LONG_PREFIX + sort)
        for partition, sort in first_rows
        if sort == position
    )
    long_count = len(long_rows) * _may_be_long(resource, is_long=is_long)
    if (count := len(first_rows) + long_count + guards + _reserved(resource)) > most:
        raise _too_many(count, by_element)
    return first_rows + long_rows if is_long else first_rows


def value_partitions(resource: Resource, tenant: str, zone: tzinfo) -> set[str]:
    """Return the partitions of all values of a resource's indexed parameters."""
    return {partition for (partition, _), _ in _indexed(resource, tenant, zone)}


def _may_be_long(resource: Resource, *, is_long: bool) -> bool:
    """Return whether a resource has long rows, or may get them because it is open."""
    return is_long or (
        resource["resourceType"] == "Encounter" and long_encounters.is_open(resource)
    )


def _guards(resource: Resource) -> int:
    """Return the number of guards of a resource's identifiers."""
    identifiers = (
        *elements_at(resource, ("identifier",)),
        *elements_at(resource, ("masterIdentifier",)),
    )
    return len({(identifier.get("system"), identifier.get("value")) for identifier in identifiers})


def _reserved(resource: Resource) -> int:
    """Return how many rows to keep free for a link that a session may still write."""
    return int(resource["resourceType"] == "Communication" and "encounter" not in resource)


def free_value_count(resource: Resource) -> int:
    """Return how many more indexed values a resource has room for."""
    zone = settings().zone
    is_long = long_encounters.is_long(resource, instants.now(), zone)
    listing_rows = _listed(resource, row_kind(resource), "-", "")
    indexed = len(dict(_indexed(resource, "-", zone)))
    free = MOST_INDEX_ROWS - indexed - len(listing_rows) - _guards(resource)
    if not _may_be_long(resource, is_long=is_long):
        return free
    return (free - indexed - sum(sort == "" for _, sort in listing_rows)) // 2


def _sort(word: str, position: str) -> str:
    """Return the sort key of a row; the row of a word is in order of words."""
    return f"{word}{words.KEY_SEPARATOR}{position.rpartition('#')[2]}" if word else position


def _indexed(
    resource: Resource, tenant: str, zone: tzinfo
) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield partition and word of each indexed value, and the expression that it comes from.

    The word is empty for a value that is not found by words.
    """
    for param in _params(resource["resourceType"], Index.ROW):
        for value in values(resource, param, zone):
            if param.type == "string":
                for word in words.keys([str(value)]):
                    yield (partitions.of_word(tenant, param, word), word), param.expression
                continue
            for key in partitions.value_keys(param, value):
                shard = partitions.shard(resource["id"], param.spread)
                yield (partitions.of_value(tenant, param, key)[shard], ""), param.expression
    if resource["resourceType"] == "Encounter" and "partOf" in resource:
        # Whoever sees a medical encounter finds its session by these rows.
        for person in compartments.owners(resource):
            yield (partitions.of_medical_encounters(tenant, person), ""), "Encounter.partOf"


def _params(resource_type: str, index: Index) -> Iterator[SearchParam]:
    params = SEARCH_PARAMS.of(resource_type).values()
    return (param for param in params if param.index is index)


def _recorded(resource: Resource, tenant: str, position: str) -> Iterator[tuple[RowKey, str]]:
    """Yield a row for each Encounter that a record names, and the expression that names it."""
    prefix = partitions.record_prefix(resource["resourceType"])
    for encounter_id, element in encounter_elements(resource).items():
        yield (partitions.of_encounter_records(tenant, encounter_id), prefix + position), element


def encounter_elements(resource: Resource) -> dict[str, str]:
    """Return the ids of the Encounters that a record refers to, each with the expression."""
    return {
        value.text.partition("/")[2]: param.expression
        for param in SEARCH_PARAMS.of(resource["resourceType"]).values()
        if param.keyed_target == "Encounter"
        for value in values(resource, param)
        if isinstance(value, Reference) and partitions.is_keyed(param, value)
    }


def _listed(resource: Resource, kind: RowKind, tenant: str, position: str) -> list[RowKey]:
    """Return the rows in the listings of the type and of the resource's kind."""
    resource_type, resource_id = resource["resourceType"], resource["id"]
    updated = f"{resource['meta']['lastUpdated']}#{resource_id}"
    return [
        (
            partitions.listing_of(tenant, resource_type, name, resource_id),
            updated if by_update else position,
        )
        for name, by_update in _listings(resource_type, kind.listing)
    ]


def _listings(resource_type: str, of_kind: str) -> Iterator[tuple[str, bool]]:
    """Yield the names of a resource's listings, and whether each is in order of last update."""
    for param in _params(resource_type, Index.LISTING):
        if param.type == "date":
            yield param.code, param.code == order.UPDATED.param
    if of_kind:
        yield of_kind, resource_type != "Encounter"


def _too_many(count: int, by_element: "Counter[str]") -> BusinessRule:
    element, in_element = by_element.most_common(1)[0]
    return BusinessRule(
        f"A resource can have at most {MOST_INDEX_ROWS} indexed values",
        expression=element,
        diagnostics=f"It has {count}, {in_element} of them in this element; leave some out",
    )


def stub(resource: Resource) -> Resource:
    """Return a resource's type, id, `meta` and the elements that its search parameters read."""
    params = SEARCH_PARAMS.of(resource["resourceType"]).values()
    kept = _looked_at(tuple(param.expression for param in params))
    reduced: Resource = _cut(resource, kept)
    return reduced


@lru_cache
def _looked_at(expressions: tuple[str, ...]) -> _Names:
    """Return the elements that expressions name, as a tree whose leaves are kept whole."""
    tree: _Names = {}
    searched = [
        part.names for expression in expressions if expression for part in parse_paths(expression)
    ]
    contained = [("contained", name) for name in ("resourceType", "id")]
    for *path, leaf in (("resourceType",), ("id",), *contained, *searched, ("meta",)):
        branch: _Names | None = tree
        for name in path:
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
