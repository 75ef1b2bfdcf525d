"""Reading what refers to a resource, for `_has` and `_revinclude`."""

import re
from collections.abc import Iterator, Sequence
from itertools import batched
from typing import NamedTuple

from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SearchParam
from shared.catalog.types import DIRECTORY_TYPES
from shared.fhir.fhirjson import Resource
from shared.fhir.search_values import reference_values
from shared.search.plan import compartment_sources, windows
from shared.search.plan.criterion_partitions import Partition, partitions_of
from shared.search.plan.plans import Source, Stream
from shared.search.plan.steps import reading_steps
from shared.search.query.criterion import Criterion
from shared.search.query.operands import ReferenceOperand
from shared.search.run import streams
from shared.search.run.budget import Budget, OutOfRows, Progress
from shared.search.run.lookups import Lookups
from shared.search.run.paging import invalid_cursor
from shared.search.run.streams import Row
from shared.store import dynamodb
from shared.store.index import long_encounters, partitions
from shared.store.keys import FULL_RANGE, MESSAGE_RANGE, beginning_with
from shared.store.reading import json_by_id

# Each further Query of a partition reads so many times as many rows.
_GROWTH = 8
# The place of a row: the number of its partition, and its sort key.
_PLACE = re.compile(r"(?P<number>\d{1,4}):(?P<sort>[ -~]{0,1000})", re.ASCII)
_AT_ONCE = 25


class Referrer(NamedTuple):
    """A resource that refers to another, and the place after which reading goes on."""

    place: str
    name: str
    resource: Resource
    json: bytes


def referrers(
    lookups: Lookups, param: SearchParam, target: str, *, first: int, after: str = ""
) -> Iterator[Referrer]:
    """Yield the resources that refer to another one by an indexed parameter, in order of keys.

    `first` is how many rows the first Query reads. Raises OutOfRows.
    """
    operand = ReferenceOperand(target, target.partition("/")[0])
    criterion = Criterion(param, "", (operand,), lookups.zone, "")
    selected = partitions_of(criterion, lookups.tenant)
    rows = (
        _rows_of_compartments(lookups, param.resource, first, after)
        if operand.type in DIRECTORY_TYPES and _may_hold_others(lookups, param.resource, selected)
        else _rows_of_partitions(lookups, param.resource, selected, first, after)
    )
    for place, json in rows:
        resource = lookups.loads(json)
        if target in lookups.targets(resource, param) and lookups.visibility.sees(resource):
            yield Referrer(place, f"{param.resource}/{resource['id']}", resource, json)


def is_never_target(lookups: Lookups, resource: Resource, param: SearchParam) -> bool:
    """Return whether nothing can refer to a resource by a parameter, as to a message.

    Messages are parts of headers, but have no parts themselves.
    """
    return (
        bool(param.keyed_target)
        and resource["resourceType"] == param.resource
        and any(
            partitions.is_keyed(param, reference)
            for reference in reference_values(resource, param, lookups.zone)
        )
    )


def has_rows(lookups: Lookups, partition: Partition) -> bool:
    """Return whether a partition has any rows."""
    lookups.budget.spend(1)
    table, key = partition
    return bool(dynamodb.query(table, key, FULL_RANGE, limit=1)[0])


def _may_hold_others(lookups: Lookups, resource_type: str, selected: list[Partition]) -> bool:
    """Return whether partitions may hold many resources that the caller does not see.

    Everyone's records refer to the directory, so the caller's own compartments are read instead of
    such a partition.
    """
    people = lookups.visibility.compartment_owners(resource_type)
    if people is None:
        return False
    own = dict(compartment_sources.compartment_partitions(resource_type, lookups.tenant, people))
    return not all(partition in own for partition in selected)


def _rows_of_compartments(
    lookups: Lookups, resource_type: str, first: int, after: str
) -> Iterator[tuple[str, bytes]]:
    """Read everything of a type that the caller sees, each row with its place."""
    if resource_type not in lookups.own_sources:
        lookups.own_sources[resource_type] = compartment_sources.all_of_type(
            resource_type, lookups.visibility, lookups.zone
        )
    rows = _rows_of_source(lookups.own_sources[resource_type], lookups.budget, first, after)
    for batch in batched(rows, _AT_ONCE, strict=False):
        yield from _with_json(resource_type, batch, lookups.tenant)


def _rows_of_source(
    source: Source, budget: Budget, first: int, after: str
) -> Iterator[tuple[str, Row]]:
    """Read a source in the order of its keys, each row with its place. Raises OutOfRows."""
    near_and_far = windows.near_and_far((), source.order)
    steps = reading_steps(source, near_and_far, ordered=False, forward=True)
    progress = Progress(first, budget=budget)
    position = [0, after.partition(":")[2]] if after else None
    for row in streams.rows(steps, position, progress, forward=True):
        progress.examined += 1
        yield f"0:{row.place}", row
    if progress.is_exhausted:
        raise OutOfRows


def _rows_of_partitions(
    lookups: Lookups, resource_type: str, selected: list[Partition], first: int, after: str
) -> Iterator[tuple[str, bytes]]:
    """Read partitions, each row with its place. Raises Invalid if `after` is not a place."""
    place = _PLACE.fullmatch(after or "0:")
    if place is None:
        raise invalid_cursor()
    number, start = int(place["number"]), place["sort"] or None
    for index, partition in enumerate(selected[number:], number):
        for sort, json in _rows_of_partition(lookups, resource_type, partition, first, start):
            yield f"{index}:{sort}", json
        start = None


def _rows_of_partition(
    lookups: Lookups, resource_type: str, partition: Partition, limit: int, start: str | None
) -> Iterator[tuple[str, bytes]]:
    table, key = partition
    key_range = _key_range(resource_type, table)
    if start and not key_range[0] <= start <= key_range[1]:
        raise invalid_cursor()
    stream, budget = Stream(table, key, (key_range,)), lookups.budget
    while True:
        if not budget.left:
            raise OutOfRows
        items, start = dynamodb.query(
            table, key, key_range, limit=min(limit, budget.left), after=start
        )
        # An empty Query costs as much as one that returns a row.
        budget.spend(max(len(items), 1))
        rows = ((item["sk"]["S"], Row("", stream, item)) for item in items)
        stored_rows = [(sort, row) for sort, row in rows if not row.is_tombstone]
        yield from _with_json(resource_type, stored_rows, lookups.tenant)
        limit *= _GROWTH
        if start is None:
            return


def _key_range(resource_type: str, table: str) -> tuple[str, str]:
    """Return the range of the sort keys of a type's rows in a table's partitions."""
    if table == patterns.THREAD:
        return MESSAGE_RANGE
    if table == patterns.ENCOUNTER:
        return beginning_with(partitions.record_prefix(resource_type))
    return long_encounters.RANGES_WITHOUT_LONG_ROWS.get(resource_type, FULL_RANGE)


def _with_json(
    resource_type: str, rows: Sequence[tuple[str, Row]], tenant: str
) -> Iterator[tuple[str, bytes]]:
    partial = [row.id for _, row in rows if row.is_partial]
    by_id = json_by_id(resource_type, partial, tenant) if partial else {}
    for place, row in rows:
        json = by_id.get(row.id) if row.is_partial else row.json
        if json:
            yield place, json
