"""Where a search begins whose caller sees some compartments only: in these people's partitions.

What they do not see is never read, so that it can be told neither from results nor from bounds.
"""

from collections.abc import Container, Iterator
from datetime import tzinfo

from shared.access.visibility import Sight
from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import segment
from shared.catalog.compartments import ITSELF, of_type
from shared.catalog.parameters import SEARCH_PARAMS
from shared.errors import TooCostly
from shared.fhir import fhirjson, references
from shared.rules import classification, compartments
from shared.search.plan import sources
from shared.search.plan.plans import COMPARTMENT, Source
from shared.search.query.controls import Controls
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.operands import ReferenceOperand
from shared.store import codec, dynamodb
from shared.store.index import order, partitions
from shared.store.index.order import AFTER_ALL
from shared.store.index.row_kinds import HEADERS
from shared.store.items import Item
from shared.store.reading import current, of_row, read_many

type Partition = tuple[str, str]

# Each is a partition of its own to read: so many are read as one, in the order of their messages.
# Of more than these the newest threads are read first, some at a time.
MOST_MERGED, AT_ONCE = 1000, 250
# The rows of their headers are read for each page.
MOST_THREADS = 10_000


def choose(query: Query, sight: Sight, people: frozenset[str]) -> Source:
    """Choose what holds everything of a type that is in some people's compartments.

    Raises TooCostly if that is too many threads.
    """
    own = dict(partitions_of(query.type, sight.tenant, people))
    if source := _named(query, sight, own):
        return source
    by, runs = order.ORDERS[query.type], sources.runs(query)
    if query.type != "Communication":
        held = _sessions if query.type == "Encounter" else _themselves
        beside = tuple(held(query, sight, people))
        return Source(COMPARTMENT, tuple(own), by, runs, held=beside)
    if all(kind.startswith(HEADERS) for run in runs for kind in run):
        return Source(COMPARTMENT, tuple(own), by, runs)
    threads = _newest_first(_threads(own))
    _check_number(query, len(threads))
    sight.remember(people, threads)
    of_threads = [(patterns.THREAD, f"{sight.tenant}#{segment(one)}") for one in threads]
    first, *later = _grouped(of_threads)
    without = _parts_of(query, threads)
    return Source(COMPARTMENT, (*own, *first), by, runs, without=without, later=tuple(later))


def _check_number(query: Query, threads: int) -> None:
    """Raise TooCostly if a search would read too many threads, or sort the messages of many."""
    if threads > MOST_THREADS:
        raise TooCostly(
            f"The messages of more than {MOST_THREADS} threads would have to be read",
            expression="part-of",
            diagnostics="Name one: part-of=Communication/x",
        )
    if threads > MOST_MERGED and query.controls.sort:
        raise TooCostly(
            f"The messages of more than {MOST_MERGED} threads would have to be sorted",
            expression="_sort",
            diagnostics="Leave _sort out: the newest threads come first; or name one by part-of",
        )


def _newest_first(threads: dict[str, str]) -> list[str]:
    """Return the ids of threads by the dates of their headers."""
    dated = sorted(((date, thread) for thread, date in threads.items()), reverse=True)
    return [thread for _, thread in dated]


def _grouped(threads: list[Partition]) -> list[tuple[Partition, ...]]:
    """Divide the partitions of threads, the newest first, into those that are read as one.

    The groups are counted from the oldest: a thread that begins while somebody pages moves no other
    into a group that was read already.
    """
    if len(threads) <= MOST_MERGED:
        return [tuple(threads)]
    first = AT_ONCE + len(threads) % AT_ONCE
    starts = range(first, len(threads), AT_ONCE)
    return [tuple(threads[:first]), *(tuple(threads[at : at + AT_ONCE]) for at in starts)]


def everything(resource_type: str, sight: Sight, zone: tzinfo) -> Source:
    """Choose what holds everything of a type that the caller sees. Raises TooCostly."""
    asked = Query(resource_type, (), Controls(), zone, (), ())
    source = choose(asked, sight, sight.people(resource_type) or frozenset())
    if source.later:
        raise TooCostly(
            f"The messages of more than {MOST_MERGED} threads would have to be looked at",
            diagnostics="Search them themselves, without _revinclude and _has",
        )
    return source


def _named(query: Query, sight: Sight, own: Container[Partition]) -> Source | None:
    """Choose the partitions that a query names, where they are these people's or their threads."""

    def is_theirs(partition: Partition) -> bool:
        table, key = partition
        if table == patterns.THREAD:
            return sight.sees_thread(key.partition("#")[2])
        return partition in own

    for criterion in query.criteria:
        found = sources.partitions_of(criterion, sight.tenant)
        if found and all(map(is_theirs, found)):
            return sources.of_value(query, criterion, found, sight.tenant)
    return None


def partitions_of(
    resource_type: str, tenant: str, people: frozenset[str]
) -> Iterator[tuple[Partition, str]]:
    """Give the partitions of what names these people, each with the element that does."""
    for row in of_type(resource_type):
        if row.element == ITSELF:
            continue
        param = SEARCH_PARAMS.of(resource_type)[row.param]
        for person in sorted(people):
            if compartments.is_a(row.owner, person):
                for name in partitions.of_value(tenant, param, person):
                    yield (patterns.SEARCH, name), row.element


def _threads(own: dict[Partition, str]) -> dict[str, str]:
    """Read the ids of headers, each with its date; one in preparation is its sender's alone."""
    drafts = f"{HEADERS}p#"
    found: dict[str, str] = {}
    for (table, partition), element in own.items():
        for item in dynamodb.query_all(table, partition, (HEADERS, HEADERS + AFTER_ALL)):
            sort = item["sk"]["S"]
            if element == "sender" or not sort.startswith(drafts):
                place, _, thread = sort.rpartition("#")
                # What has no date has that of its creation.
                found[thread] = place.rpartition("#")[2].removeprefix(order.UNDATED)
    return found


def _parts_of(query: Query, threads: list[str]) -> Criterion:
    """Make the criterion that holds for the messages of threads, which are read as such."""
    param = SEARCH_PARAMS.of(query.type)["part-of"]
    operands = tuple(ReferenceOperand(f"Communication/{one}", "Communication") for one in threads)
    return Criterion(param, "", operands, query.zone, "")


def _sessions(query: Query, sight: Sight, people: frozenset[str]) -> Iterator[Item]:
    """Read the sessions of people's medical encounters, as rows, where they have none as theirs."""
    parents: dict[str, None] = {}
    for person in sorted(people):
        partition = partitions.of_parts(sight.tenant, person)
        for item in dynamodb.query_all(patterns.SEARCH, partition, (" ", AFTER_ALL)):
            parents[classification.parent(of_row(sight.tenant, item))] = None
    found = read_many("Encounter", [one for one in parents if one], sight.tenant)
    for encounter_id, json in found.items():
        session = fhirjson.loads(json)
        if not compartments.owners(session) & people and sight.sees(session):
            updated = session["meta"]["lastUpdated"]
            place = f"{order.of(session, updated, query.zone)}#{encounter_id}"
            yield {"sk": {"S": place}, "resource": {"B": codec.pack(json)}}


def _themselves(query: Query, sight: Sight, people: frozenset[str]) -> Iterator[Item]:
    """Read these people's own resources, as the rows of a type's listings are."""
    for own in map(references.literal, sorted(people)):
        record = current(sight.tenant, *own) if own and own.type == query.type else None
        if record and record.json:
            place = f"{order.of(record.resource, record.created, query.zone)}#{record.id}"
            yield {"sk": {"S": place}, "resource": {"B": codec.pack(record.json)}}
