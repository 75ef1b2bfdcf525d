"""Sources of a search whose caller sees only some compartments: these people's partitions.

What the caller does not see is never read, so neither results nor limits reveal it.
"""

from collections.abc import Container, Iterator
from datetime import tzinfo
from typing import Any

from shared.access.visibility import Visibility
from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import encode_segment
from shared.catalog.compartments import ITSELF, members_of_type
from shared.catalog.parameters import SEARCH_PARAMS
from shared.errors import TooCostly
from shared.fhir import fhirjson, references
from shared.rules import classification, compartments
from shared.search.plan.criterion_partitions import Partition, partitions_of
from shared.search.plan.plans import COMPARTMENT, Source
from shared.search.plan.sources import for_criterion, kind_runs, wanted_statuses
from shared.search.query.controls import Controls
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.operands import ReferenceOperand
from shared.store import codec, dynamodb
from shared.store.index import order, partitions
from shared.store.index.row_kinds import HEADER_PREFIX
from shared.store.items import Item
from shared.store.keys import FULL_RANGE, beginning_with
from shared.store.reading import current, json_by_id, resource_of_row

# Each thread is a partition of its own to read. Up to `MOST_MERGED` of them are merged in the order
# of their messages; of more threads the newest are read first, `AT_ONCE` at a time.
MOST_MERGED, AT_ONCE = 1000, 250
# The rows of all their headers are read again for each page.
MOST_THREADS_READ = 10_000


def choose(query: Query, visibility: Visibility, people: frozenset[str]) -> Source:
    """Return a source with everything of a type that is in some people's compartments.

    Raises TooCostly if that is too many threads.
    """
    own = dict(compartment_partitions(query.type, visibility.tenant, people))
    if source := _source_of_value(query, visibility, own):
        return source
    by, runs = order.ORDERS[query.type], kind_runs(wanted_statuses(query))
    if query.type != "Communication":
        rows_beside = _session_rows if query.type == "Encounter" else _rows_of_themselves
        preloaded = tuple(rows_beside(query, visibility, people))
        return Source(COMPARTMENT, tuple(own), by, runs, preloaded=preloaded)
    if all(kind.startswith(HEADER_PREFIX) for run in runs for kind in run):
        return Source(COMPARTMENT, tuple(own), by, runs)
    threads = _newest_first(_threads(own))
    _check_number(query, len(threads))
    visibility.remember_threads(people, threads)
    thread_partitions = [
        (patterns.THREAD, f"{visibility.tenant}#{encode_segment(thread)}") for thread in threads
    ]
    first, *later = _grouped(thread_partitions)
    return Source(
        COMPARTMENT,
        (*own, *first),
        by,
        runs,
        excluded=_parts_of(query, threads),
        later_groups=tuple(later),
    )


def _check_number(query: Query, threads: int) -> None:
    """Raise TooCostly if a search would read too many threads, or sort the messages of many."""
    if threads > MOST_THREADS_READ:
        raise TooCostly(
            f"The search would have to read the messages of more than {MOST_THREADS_READ} threads",
            expression="part-of",
            diagnostics="Search one thread, by part-of=Communication/x",
        )
    if threads > MOST_MERGED and query.controls.sort:
        raise TooCostly(
            f"The search would have to sort the messages of more than {MOST_MERGED} threads",
            expression="_sort",
            diagnostics="Leave out _sort to get the newest threads first, or search one by part-of",
        )


def _newest_first(threads: dict[str, str]) -> list[str]:
    """Return the ids of threads by the dates of their headers, the newest first."""
    dated = sorted(((date, thread) for thread, date in threads.items()), reverse=True)
    return [thread for _, thread in dated]


def _grouped(threads: list[Partition]) -> list[tuple[Partition, ...]]:
    """Divide the partitions of threads, the newest first, into groups that are each read as one.

    Groups are counted from the oldest thread, so a thread that begins while a client pages does not
    move another one into a group that has been read already.
    """
    if len(threads) <= MOST_MERGED:
        return [tuple(threads)]
    first = AT_ONCE + len(threads) % AT_ONCE
    starts = range(first, len(threads), AT_ONCE)
    return [tuple(threads[:first]), *(tuple(threads[start : start + AT_ONCE]) for start in starts)]


def all_of_type(resource_type: str, visibility: Visibility, zone: tzinfo) -> Source:
    """Return a source with everything of a type that the caller sees.

    Raises TooCostly if that is too many threads.
    """
    query = Query(resource_type, (), Controls(), zone, (), ())
    source = choose(query, visibility, visibility.compartment_owners(resource_type) or frozenset())
    if source.later_groups:
        raise TooCostly(
            f"The search would have to look at the messages of more than {MOST_MERGED} threads",
            diagnostics="Search the messages directly, without _revinclude and _has",
        )
    return source


def _source_of_value(
    query: Query, visibility: Visibility, own: Container[Partition]
) -> Source | None:
    """Return the source of a criterion that selects only these people's or their threads' rows."""

    def is_theirs(partition: Partition) -> bool:
        table, key = partition
        if table == patterns.THREAD:
            return visibility.sees_thread(key.partition("#")[2])
        return partition in own

    for criterion in query.criteria:
        selected = partitions_of(criterion, visibility.tenant)
        if selected and all(map(is_theirs, selected)):
            return for_criterion(query, criterion, selected, visibility.tenant)
    return None


def compartment_partitions(
    resource_type: str, tenant: str, people: frozenset[str]
) -> Iterator[tuple[Partition, str]]:
    """Yield the partitions of what refers to these people, each with the element that does."""
    for member in members_of_type(resource_type):
        if member.element == ITSELF:
            continue
        param = SEARCH_PARAMS.of(resource_type)[member.param]
        for person in sorted(people):
            if compartments.is_reference_to(member.owner, person):
                for partition in partitions.of_value(tenant, param, person):
                    yield (patterns.SEARCH, partition), member.element


def _threads(own: dict[Partition, str]) -> dict[str, str]:
    """Return the ids of threads with the dates of their headers.

    A header in preparation counts only for its sender.
    """
    drafts = f"{HEADER_PREFIX}p#"
    threads: dict[str, str] = {}
    for (table, partition), element in own.items():
        for item in dynamodb.query_all(table, partition, beginning_with(HEADER_PREFIX)):
            sort = item["sk"]["S"]
            if element == "sender" or not sort.startswith(drafts):
                place_in_order, _, thread = sort.rpartition("#")
                # An undated header is placed by its creation.
                threads[thread] = place_in_order.rpartition("#")[2].removeprefix(order.UNDATED)
    return threads


def _parts_of(query: Query, threads: list[str]) -> Criterion:
    """Return a criterion that matches the messages of threads whose partitions are read."""
    param = SEARCH_PARAMS.of(query.type)["part-of"]
    operands = tuple(
        ReferenceOperand(f"Communication/{thread}", "Communication") for thread in threads
    )
    return Criterion(param, "", operands, query.zone, "")


def _session_rows(query: Query, visibility: Visibility, people: frozenset[str]) -> Iterator[Item]:
    """Read as rows the sessions that people see only by their medical encounters.

    Sessions that are in these people's compartments themselves have rows there, and are left out.
    """
    parents: dict[str, None] = {}
    for person in sorted(people):
        partition = partitions.of_medical_encounters(visibility.tenant, person)
        for item in dynamodb.query_all(patterns.SEARCH, partition, FULL_RANGE):
            parents[classification.parent_id(resource_of_row(visibility.tenant, item))] = None
    sessions = json_by_id("Encounter", [parent for parent in parents if parent], visibility.tenant)
    for json in sessions.values():
        session = fhirjson.loads(json)
        if not compartments.owners(session) & people and visibility.sees(session):
            yield _row(query, session, session["meta"]["lastUpdated"], json)


def _rows_of_themselves(
    query: Query, visibility: Visibility, people: frozenset[str]
) -> Iterator[Item]:
    """Read these people's own resources, written as rows of a listing of the type."""
    for own in map(references.parse_literal, sorted(people)):
        record = current(visibility.tenant, *own) if own and own.type == query.type else None
        if record and record.json:
            yield _row(query, record.resource, record.created, record.json)


def _row(query: Query, resource: dict[str, Any], undated_place: str, json: bytes) -> Item:
    sort = f"{order.position(resource, undated_place, query.zone)}#{resource['id']}"
    return {"sk": {"S": sort}, "resource": {"B": codec.pack(json)}}
