"""Reading what resources refer to, and what refers to them: for chains, `_has` and includes.

What a search looks at beside its own rows is read here and nowhere else, and only what the caller
may see is given: the rest is as if it were not there.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import tzinfo
from itertools import batched
from typing import Any, NamedTuple

import orjson

from shared.access.visibility import Sight
from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SearchParam
from shared.catalog.types import DIRECTORY, TYPES
from shared.fhir import fhirjson, references
from shared.fhir.references import Local
from shared.fhir.search_values import Reference, values
from shared.search.plan import compartment_sources, plans, sources, windows
from shared.search.plan.compartment_sources import Partition
from shared.search.plan.plans import MESSAGE, Source, Stream
from shared.search.query.criterion import Criterion
from shared.search.query.operands import ReferenceOperand
from shared.search.run import streams
from shared.search.run.paging import refused
from shared.search.run.streams import Budget, OutOfRows, Progress, Row
from shared.store import dynamodb, reading
from shared.store.index import long_encounters, partitions
from shared.store.index.order import AFTER_ALL
from shared.store.reading import Asked, read_many
from shared.store.records import Versioned

type Resource = dict[str, Any]

_GROWTH = 8
# Of a row: the number of its partition, and its sort key.
_PLACE = re.compile(r"(?P<number>\d{1,4}):(?P<sort>[ -~]{0,1000})", re.ASCII)
_AT_ONCE = 25
# What reading a version counts as: the resource, for where its versions are, and the version.
_VERSION_ROWS = 2


class Referring(NamedTuple):
    """A resource that refers to another, and the place after which reading goes on."""

    place: str
    name: str
    resource: Resource
    json: bytes


def _version_of(json: bytes) -> str:
    return str(rounded(json)["meta"]["versionId"])


def rounded(json: bytes) -> Resource:
    """Read JSON many times as fast, with numbers rounded: only quantities look at these."""
    try:
        resource: Resource = orjson.loads(json)
    except orjson.JSONDecodeError:
        # A number that is larger than any of a processor's own.
        resource = fhirjson.loads(json)
    return resource


class Lookups:
    """What one request reads beside its rows, within the rows that it may read.

    `sight` tells what the caller sees; None is everything.
    """

    def __init__(
        self,
        tenant: str,
        zone: tzinfo,
        sight: Sight | None = None,
        loads: Callable[[bytes], Resource] = rounded,
    ) -> None:
        """Begin a request."""
        self.tenant, self.zone, self.loads = tenant, zone, loads
        self.budget = Budget()
        self._sight = sight
        self.missing: set[str] = set()
        self._known: dict[str, bytes | None] = {}
        self._answers: dict[tuple[int, str], bool] = {}
        self._complete: dict[int, frozenset[str]] = {}
        self._own: dict[str, Source] = {}

    def sees(self, resource: Resource) -> bool:
        """Tell whether the caller may see a resource."""
        return self._sight is None or self._sight.sees(resource)

    def surely_sees(self, resource_type: str, json: bytes) -> bool:
        """Tell whether the caller may see a resource, which need not be read to know that."""
        return self._sight is None or self._sight.surely_sees(resource_type, json)

    def limits(self, resource_types: Iterable[str]) -> bool:
        """Tell whether there may be anything of some types that the caller does not see."""
        return self._sight is not None and self._sight.limits(resource_types)

    def remembered(self, question: object, name: str, answer: Callable[[], bool]) -> bool:
        """Return the answer to a question about a resource, which is looked for once."""
        if id(question) in self._complete:
            return name in self._complete[id(question)]
        key = (id(question), name)
        if key not in self._answers:
            self._answers[key] = answer()
        return self._answers[key]

    def answer(self, question: object, names: Iterable[str]) -> None:
        """Remember all resources of which the answer to a question is yes."""
        self._complete[id(question)] = frozenset(names)

    def is_answered(self, question: object) -> bool:
        """Return whether the answer to a question is known of every resource."""
        return id(question) in self._complete

    def get(self, name: str) -> bytes | None:
        """Return the JSON of a resource by `Type/id`, or None where it is not there to be seen.

        By `Type/id/_history/version` it is that version, or the current one where that is not
        there: `missing` has its name then.
        """
        self.fetch([name])
        return self._known[name]

    def name_of(self, name: str) -> str:
        """Return the name of a resource or version, without the version where that is current."""
        own, _ = references.versioned(name)
        return own if self.get(name) is self._known[own] else name

    def _fetch_versions(self, names: Iterable[str]) -> None:
        """Read versions of resources, of which the current ones have been read."""
        current, older = dict[str, bytes | None](), dict[str, Asked]()
        for name in names:
            own, version = references.versioned(name)
            current[name] = json = self._known[own]
            if json is None or _version_of(json) != version:
                resource_type, _, own_id = own.partition("/")
                number = int(version) if version.isdecimal() else 0
                older[name] = Asked(resource_type, own_id, number)
        self.budget.spend(_VERSION_ROWS * len(older))
        found = reading.read_versions(self.tenant, older.values()) if older else {}
        for name, json in current.items():
            past = self._past(json, found.get(older[name])) if name in older else json
            self._known[name] = past or json
            self.missing |= {name} if json and not past else set()

    def _past(
        self, current: bytes | None, versions: tuple[Versioned, Versioned] | None
    ) -> bytes | None:
        """Return a version where it is there to be seen, as is its resource, perhaps deleted."""
        if versions is None:
            return None
        record, past = versions
        is_seen = current is not None or (record.deleted and self._sees_record(record))
        return past.json if is_seen and self._sees_past(past) else None

    def _sees_past(self, record: Versioned) -> bool:
        return self._sight is None or self._sight.sees_past(record)

    def _sees_record(self, record: Versioned) -> bool:
        return self._sight is None or self._sight.sees_record(record)

    def fetch(self, names: Iterable[str]) -> None:
        """Read resources at once that will be asked for. Raises OutOfRows."""
        wanted = dict.fromkeys(names)
        own = dict.fromkeys(references.versioned(name)[0] for name in wanted)
        unknown = [name for name in own if name not in self._known]
        for resource_type in TYPES:
            ids = [
                name.partition("/")[2] for name in unknown if name.startswith(f"{resource_type}/")
            ]
            if not ids:
                continue
            self.budget.spend(len(ids))
            found = read_many(resource_type, ids, self.tenant)
            for one in ids:
                self._known[f"{resource_type}/{one}"] = self._seen(resource_type, found.get(one))
        self._fetch_versions([name for name in wanted if name not in self._known])

    def _seen(self, resource_type: str, json: bytes | None) -> bytes | None:
        if json and (self.surely_sees(resource_type, json) or self.sees(self.loads(json))):
            return json
        return None

    def targets(self, resource: Resource, param: SearchParam, target: str = "") -> list[str]:
        """Return what a resource refers to by a parameter, of the types stored here or of one."""
        named = self._named(resource, param, target)
        return list(dict.fromkeys(str(one.target) for one in named))

    def versions(self, resource: Resource, param: SearchParam, target: str = "") -> list[str]:
        """Return what a resource refers to, as `targets`, each with the version that it names."""
        return list(dict.fromkeys(map(str, self._named(resource, param, target))))

    def _named(self, resource: Resource, param: SearchParam, target: str) -> Iterator[Local]:
        wanted = (target,) if target else TYPES
        for value in values(resource, param, self.zone):
            literal = references.literal(value.text) if isinstance(value, Reference) else None
            if isinstance(value, Reference) and literal and literal.type in wanted:
                yield Local(literal, value.version)

    def referring(
        self, param: SearchParam, target: str, *, first: int, after: str = ""
    ) -> Iterator[Referring]:
        """Give what refers to a resource by an indexed parameter, in order of keys.

        `first` is how many rows to begin with. Raises OutOfRows.
        """
        operand = ReferenceOperand(target, target.partition("/")[0])
        asked = Criterion(param, "", (operand,), self.zone, "")
        found = sources.partitions_of(asked, self.tenant)
        read = (
            self._of_own(param.resource, first, after)
            if operand.type in DIRECTORY and self._are_others(param.resource, found)
            else self._of(param.resource, found, first, after)
        )
        for place, json in read:
            resource = self.loads(json)
            if target in self.targets(resource, param) and self.sees(resource):
                yield Referring(place, f"{param.resource}/{resource['id']}", resource, json)

    def _are_others(self, resource_type: str, found: list[Partition]) -> bool:
        """Tell whether partitions may hold much that the caller does not see.

        To people and places everybody's refers: that of the caller is looked for among their own.
        """
        people = self._sight.people(resource_type) if self._sight else None
        if people is None:
            return False
        mine = dict(compartment_sources.compartment_partitions(resource_type, self.tenant, people))
        return not all(one in mine for one in found)

    def _of(
        self, resource_type: str, found: list[Partition], first: int, after: str
    ) -> Iterator[tuple[str, bytes]]:
        """Read partitions, each row with its place. Raises Invalid where `after` is no place."""
        begin = _PLACE.fullmatch(after or "0:")
        if begin is None:
            raise refused()
        number, last = int(begin["number"]), begin["sort"]
        for index, (table, partition) in enumerate(found):
            if index < number:
                continue
            start = last if last and index == number else None
            for sort, json in self._rows(resource_type, table, partition, first, start):
                yield f"{index}:{sort}", json

    def _of_own(self, resource_type: str, first: int, after: str) -> Iterator[tuple[str, bytes]]:
        """Read all of a type that is the caller's, each row with its place."""
        if self._sight is None:
            raise AssertionError("who sees everything has nothing of their own")
        if resource_type not in self._own:
            self._own[resource_type] = compartment_sources.everything(
                resource_type, self._sight, self.zone
            )
        rows = _rows_of(self._own[resource_type], self.budget, first, after)
        for some in batched(rows, _AT_ONCE, strict=False):
            yield from self._whole(resource_type, some)

    def has_no_parts(self, resource: Resource, param: SearchParam) -> bool:
        """Tell whether nothing can refer to a resource by this: a message has no messages."""
        return (
            bool(param.keyed)
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
        return bool(dynamodb.query(table, key, (" ", AFTER_ALL), limit=1)[0])

    def _rows(
        self, resource_type: str, table: str, partition: str, first: int, start: str | None
    ) -> Iterator[tuple[str, bytes]]:
        between = long_encounters.ONCE.get(resource_type, (" ", AFTER_ALL))
        if table == patterns.THREAD:
            between = (MESSAGE, MESSAGE + AFTER_ALL)
        elif table == patterns.ENCOUNTER:
            recorded = partitions.recorded(resource_type)
            between = (recorded, recorded + AFTER_ALL)
        if start and not between[0] <= start <= between[1]:
            raise refused()
        stream = Stream(table, partition, (between,))
        limit = first
        while True:
            if not self.budget.left:
                raise OutOfRows
            items, start = dynamodb.query(
                table, partition, between, limit=min(limit, self.budget.left), after=start
            )
            # Looking in vain costs as much as finding one.
            self.budget.spend(max(len(items), 1))
            rows = ((item["sk"]["S"], Row("", stream, item)) for item in items)
            yield from self._whole(resource_type, [one for one in rows if not one[1].is_gone])
            limit *= _GROWTH
            if start is None:
                return

    def _whole(
        self, resource_type: str, rows: Sequence[tuple[str, Row]]
    ) -> Iterator[tuple[str, bytes]]:
        partial = [row.id for _, row in rows if row.is_partial]
        known = read_many(resource_type, partial, self.tenant) if partial else {}
        for place, row in rows:
            json = known.get(row.id) if row.is_partial else row.json
            if json:
                yield place, json


def _rows_of(source: Source, budget: Budget, first: int, after: str) -> Iterator[tuple[str, Row]]:
    """Read a source in the order of its keys, each row with its place. Raises OutOfRows."""
    read = windows.of((), source.by)
    steps = plans.lay_out(source, read, ordered=False, forward=True)
    progress = Progress(first, budget=budget)
    begin = [0, after.partition(":")[2]] if after else None
    for row in streams.rows(steps, begin, progress, forward=True):
        progress.looked_at += 1
        yield f"0:{row.place}", row
    if progress.is_exhausted:
        raise OutOfRows
