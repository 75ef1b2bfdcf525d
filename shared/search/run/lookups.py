"""Reading what resources refer to, and what refers to them: for chains, `_has` and includes.

Everything that a search looks at beside its own rows is read here, and only what the caller may see
is returned: the rest is as if it did not exist.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from itertools import batched
from typing import Any, NamedTuple

import orjson

from shared.access.visibility import Visibility
from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SearchParam
from shared.catalog.types import DIRECTORY_TYPES, STORED_TYPES
from shared.fhir import fhirjson, references
from shared.fhir.references import Local
from shared.fhir.search_values import Reference, values
from shared.search.plan import compartment_sources, plans, sources, windows
from shared.search.plan.compartment_sources import Partition
from shared.search.plan.plans import Source, Stream
from shared.search.query.criterion import Criterion
from shared.search.query.operands import ReferenceOperand
from shared.search.run import streams
from shared.search.run.paging import invalid_cursor
from shared.search.run.streams import Budget, OutOfRows, Progress, Row
from shared.store import dynamodb, reading
from shared.store.index import long_encounters, partitions
from shared.store.keys import FULL_RANGE, MESSAGE_RANGE, beginning_with
from shared.store.reading import VersionKey, json_by_id
from shared.store.records import VersionedRecord

type Resource = dict[str, Any]

# Each further Query of a partition reads so many times as many rows.
_GROWTH = 8
# The place of a row: the number of its partition, and its sort key.
_PLACE = re.compile(r"(?P<number>\d{1,4}):(?P<sort>[ -~]{0,1000})", re.ASCII)
_AT_ONCE = 25
# A version counts as two rows: the current resource, by which its versions are found, and itself.
_VERSION_ROWS = 2


class Referrer(NamedTuple):
    """A resource that refers to another, and the place after which reading goes on."""

    place: str
    name: str
    resource: Resource
    json: bytes


def _version_of(json: bytes) -> str:
    return str(loads_rounded(json)["meta"]["versionId"])


def loads_rounded(json: bytes) -> Resource:
    """Parse JSON much faster, with rounded decimals: only quantities need exact ones."""
    try:
        resource: Resource = orjson.loads(json)
    except orjson.JSONDecodeError:
        # A number is too large for a float.
        resource = fhirjson.loads(json)
    return resource


class Lookups:
    """What one request reads beside its rows, within its budget of rows.

    `sight` tells what the caller sees; None is everything.
    """

    def __init__(
        self,
        tenant: str,
        zone: tzinfo,
        visibility: Visibility | None = None,
        loads: Callable[[bytes], Resource] = loads_rounded,
    ) -> None:
        """Begin the lookups of a request."""
        self.tenant, self.zone, self.loads = tenant, zone, loads
        self.budget = Budget()
        self._visibility = visibility
        self.missing_versions: set[str] = set()
        self._known: dict[str, bytes | None] = {}
        self._answers: dict[tuple[object, str], bool] = {}
        self._complete: dict[object, frozenset[str]] = {}
        self._own: dict[str, Source] = {}

    def sees(self, resource: Resource) -> bool:
        """Return whether the caller may see a resource."""
        return self._visibility is None or self._visibility.sees(resource)

    def sees_without_reading(self, resource_type: str, json: bytes) -> bool:
        """Return whether the caller may see a resource, if that is certain without parsing it."""
        return self._visibility is None or self._visibility.sees_without_reading(
            resource_type, json
        )

    def is_partial(self, resource_types: Iterable[str]) -> bool:
        """Return whether there may be resources of some types that the caller does not see."""
        return self._visibility is not None and self._visibility.is_partial(resource_types)

    def cached_answer(self, question: object, name: str, answer: Callable[[], bool]) -> bool:
        """Return the answer to a question about a resource, which is computed once."""
        if id(question) in self._complete:
            return name in self._complete[id(question)]
        key = (id(question), name)
        if key not in self._answers:
            self._answers[key] = answer()
        return self._answers[key]

    def set_answers(self, question: object, names: Iterable[str]) -> None:
        """Store for which resources the answer to a question is yes; for all others it is no."""
        self._complete[id(question)] = frozenset(names)

    def is_answered(self, question: object) -> bool:
        """Return whether the answer to a question is known for every resource."""
        return id(question) in self._complete

    def get(self, name: str) -> bytes | None:
        """Return the JSON of a resource by `Type/id`, or None if the caller sees no such resource.

        By `Type/id/_history/version` return that version. If there is none, return the current
        version and add the name to `missing`.
        """
        self.prefetch([name])
        return self._known[name]

    def name_of(self, name: str) -> str:
        """Return the name of a resource or version, without the version if it is current."""
        current_name, _ = references.split_version(name)
        return current_name if self.get(name) is self._known[current_name] else name

    def _fetch_versions(self, names: Iterable[str]) -> None:
        """Read versions of resources whose current versions have been read."""
        current, older = dict[str, bytes | None](), dict[str, VersionKey]()
        for name in names:
            current_name, version = references.split_version(name)
            current[name] = json = self._known[current_name]
            if json is None or _version_of(json) != version:
                resource_type, _, resource_id = current_name.partition("/")
                number = int(version) if version.isdecimal() else 0
                older[name] = VersionKey(resource_type, resource_id, number)
        self.budget.spend(_VERSION_ROWS * len(older))
        versions = reading.read_versions(self.tenant, older.values()) if older else {}
        for name, json in current.items():
            past = self._past(json, versions.get(older[name])) if name in older else json
            self._known[name] = past or json
            self.missing_versions |= {name} if json and not past else set()

    def _past(
        self, current: bytes | None, versions: tuple[VersionedRecord, VersionedRecord] | None
    ) -> bytes | None:
        """Return a past version if the caller sees it and its resource, which may be deleted."""
        if versions is None:
            return None
        record, past = versions
        is_seen = current is not None or (record.deleted and self._sees_record(record))
        return past.json if is_seen and self._sees_past(past) else None

    def _sees_past(self, record: VersionedRecord) -> bool:
        return self._visibility is None or self._visibility.sees_record(record, is_past=True)

    def _sees_record(self, record: VersionedRecord) -> bool:
        return self._visibility is None or self._visibility.sees_record(record)

    def prefetch(self, names: Iterable[str]) -> None:
        """Read together the resources that will be asked for. Raises OutOfRows."""
        wanted = dict.fromkeys(names)
        current_names = dict.fromkeys(references.split_version(name)[0] for name in wanted)
        unknown = [name for name in current_names if name not in self._known]
        for resource_type in STORED_TYPES:
            ids = [
                name.partition("/")[2] for name in unknown if name.startswith(f"{resource_type}/")
            ]
            if not ids:
                continue
            self.budget.spend(len(ids))
            by_id = json_by_id(resource_type, ids, self.tenant)
            for resource_id in ids:
                self._known[f"{resource_type}/{resource_id}"] = self._if_seen(
                    resource_type, by_id.get(resource_id)
                )
        self._fetch_versions([name for name in wanted if name not in self._known])

    def _if_seen(self, resource_type: str, json: bytes | None) -> bytes | None:
        if json and (self.sees_without_reading(resource_type, json) or self.sees(self.loads(json))):
            return json
        return None

    def targets(self, resource: Resource, param: SearchParam, target: str = "") -> list[str]:
        """Return what a resource refers to by a parameter, of the types stored here or of one."""
        local = self._references(resource, param, target)
        return list(dict.fromkeys(str(reference.target) for reference in local))

    def versioned_targets(
        self, resource: Resource, param: SearchParam, target: str = ""
    ) -> list[str]:
        """Return what `targets` does, each with the version that the reference names, if any."""
        return list(dict.fromkeys(map(str, self._references(resource, param, target))))

    def _references(self, resource: Resource, param: SearchParam, target: str) -> Iterator[Local]:
        wanted = (target,) if target else STORED_TYPES
        for value in values(resource, param, self.zone):
            literal = references.parse_literal(value.text) if isinstance(value, Reference) else None
            if isinstance(value, Reference) and literal and literal.type in wanted:
                yield Local(literal, value.version)

    def referrers(
        self, param: SearchParam, target: str, *, first: int, after: str = ""
    ) -> Iterator[Referrer]:
        """Yield the resources that refer to another one by an indexed parameter, in order of keys.

        `first` is how many rows the first Query reads. Raises OutOfRows.
        """
        operand = ReferenceOperand(target, target.partition("/")[0])
        criterion = Criterion(param, "", (operand,), self.zone, "")
        selected = sources.partitions_of(criterion, self.tenant)
        rows = (
            self._rows_of_compartments(param.resource, first, after)
            if operand.type in DIRECTORY_TYPES and self._may_hold_others(param.resource, selected)
            else self._rows_of_partitions(param.resource, selected, first, after)
        )
        for place, json in rows:
            resource = self.loads(json)
            if target in self.targets(resource, param) and self.sees(resource):
                yield Referrer(place, f"{param.resource}/{resource['id']}", resource, json)

    def _may_hold_others(self, resource_type: str, selected: list[Partition]) -> bool:
        """Return whether partitions may hold many resources that the caller does not see.

        Everyone's records refer to the directory, so the caller's own compartments are read instead
        of such a partition.
        """
        people = self._visibility.compartment_owners(resource_type) if self._visibility else None
        if people is None:
            return False
        own = dict(compartment_sources.compartment_partitions(resource_type, self.tenant, people))
        return not all(partition in own for partition in selected)

    def _rows_of_partitions(
        self, resource_type: str, selected: list[Partition], first: int, after: str
    ) -> Iterator[tuple[str, bytes]]:
        """Read partitions, each row with its place. Raises Invalid if `after` is not a place."""
        place = _PLACE.fullmatch(after or "0:")
        if place is None:
            raise invalid_cursor()
        number, last_sort = int(place["number"]), place["sort"]
        for index, (table, partition) in enumerate(selected):
            if index < number:
                continue
            start = last_sort if last_sort and index == number else None
            for sort, json in self._rows_of_partition(
                resource_type, table, partition, first, start
            ):
                yield f"{index}:{sort}", json

    def _rows_of_compartments(
        self, resource_type: str, first: int, after: str
    ) -> Iterator[tuple[str, bytes]]:
        """Read everything of a type that the caller sees, each row with its place."""
        if self._visibility is None:
            raise AssertionError("a caller who sees everything has no compartments")
        if resource_type not in self._own:
            self._own[resource_type] = compartment_sources.all_of_type(
                resource_type, self._visibility, self.zone
            )
        rows = _rows_of_source(self._own[resource_type], self.budget, first, after)
        for batch in batched(rows, _AT_ONCE, strict=False):
            yield from self._with_json(resource_type, batch)

    def is_never_target(self, resource: Resource, param: SearchParam) -> bool:
        """Return whether nothing can refer to a resource by a parameter, as to a message.

        Messages are parts of headers, but have no parts themselves.
        """
        return (
            bool(param.keyed_target)
            and resource["resourceType"] == param.resource
            and any(
                isinstance(value, Reference) and partitions.is_keyed(param, value)
                for value in values(resource, param, self.zone)
            )
        )

    def has_rows(self, partition: Partition) -> bool:
        """Return whether a partition has any rows."""
        self.budget.spend(1)
        table, key = partition
        return bool(dynamodb.query(table, key, FULL_RANGE, limit=1)[0])

    def _rows_of_partition(
        self, resource_type: str, table: str, partition: str, first: int, start: str | None
    ) -> Iterator[tuple[str, bytes]]:
        key_range = long_encounters.RANGES_WITHOUT_LONG_ROWS.get(resource_type, FULL_RANGE)
        if table == patterns.THREAD:
            key_range = MESSAGE_RANGE
        elif table == patterns.ENCOUNTER:
            recorded = partitions.record_prefix(resource_type)
            key_range = beginning_with(recorded)
        if start and not key_range[0] <= start <= key_range[1]:
            raise invalid_cursor()
        stream = Stream(table, partition, (key_range,))
        limit = first
        while True:
            if not self.budget.left:
                raise OutOfRows
            items, start = dynamodb.query(
                table, partition, key_range, limit=min(limit, self.budget.left), after=start
            )
            # An empty Query costs as much as one that returns a row.
            self.budget.spend(max(len(items), 1))
            rows = ((item["sk"]["S"], Row("", stream, item)) for item in items)
            yield from self._with_json(
                resource_type, [(sort, row) for sort, row in rows if not row.is_tombstone]
            )
            limit *= _GROWTH
            if start is None:
                return

    def _with_json(
        self, resource_type: str, rows: Sequence[tuple[str, Row]]
    ) -> Iterator[tuple[str, bytes]]:
        partial = [row.id for _, row in rows if row.is_partial]
        by_id = json_by_id(resource_type, partial, self.tenant) if partial else {}
        for place, row in rows:
            json = by_id.get(row.id) if row.is_partial else row.json
            if json:
                yield place, json


def _rows_of_source(
    source: Source, budget: Budget, first: int, after: str
) -> Iterator[tuple[str, Row]]:
    """Read a source in the order of its keys, each row with its place. Raises OutOfRows."""
    near_and_far = windows.near_and_far((), source.order)
    steps = plans.reading_steps(source, near_and_far, ordered=False, forward=True)
    progress = Progress(first, budget=budget)
    position = [0, after.partition(":")[2]] if after else None
    for row in streams.rows(steps, position, progress, forward=True):
        progress.examined += 1
        yield f"0:{row.place}", row
    if progress.is_exhausted:
        raise OutOfRows
