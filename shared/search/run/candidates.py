"""The matches among the rows that a plan reads.

A row that holds only a part of its resource is checked by that, and again when the resource is read
whole, because it may have changed since.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import batched, islice
from typing import NamedTuple

from shared.catalog.types import AUDIT_EVENT
from shared.errors import TooCostly
from shared.fhir import fhirjson
from shared.fhir.fhirjson import Resource
from shared.fhir.references import ID
from shared.search.plan.plans import Plan
from shared.search.query.controls import MOST_ROWS
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.matching import matches
from shared.search.run import streams
from shared.search.run.budget import OutOfRows, Progress
from shared.search.run.lookups import Lookups
from shared.search.run.paging import Cursor, Position
from shared.search.run.streams import Row
from shared.store.index import order, readiness
from shared.store.index.rows import stub
from shared.store.reading import json_by_id

# How many whole resources are read at once: each may have 4 MB.
AT_ONCE = 25
_CONTAINING = b'"contained":'


class Match(NamedTuple):
    """A matching resource as JSON, and its place; `row` is set if it has yet to be read whole."""

    json: bytes
    place: Position
    row: Row | None = None


class Candidates:
    """The reading and checking of a plan's rows for one request."""

    def __init__(self, plan: Plan, query: Query, lookups: Lookups) -> None:
        """Begin with a plan of a query, and with what is read beside its rows."""
        self._plan, self._query, self._lookups = plan, query, lookups
        self._tenant, self._loads = lookups.tenant, lookups.loads

    def of_ids(self, ids: tuple[str, ...]) -> list[Match]:
        """Return the matches among resources that are named by id, in the order of the ids."""
        by_id = _by_ids(self._query.type, ids, self._tenant)
        return [
            Match(by_id[resource_id], [number])
            for number, resource_id in enumerate(ids)
            if resource_id in by_id and self._matches(by_id[resource_id], self._query.criteria)
        ]

    def read(self, progress: Progress, cursor: Cursor | None) -> Iterator[Match]:
        """Yield the matches by what rows have; some must be read whole and checked again."""
        sessions, steps = None, self._plan.steps
        if self._plan.sessions is not None:
            from shared.search.run.effective_sessions import EffectiveSessions  # noqa: PLC0415 - few searches are by session

            sessions = EffectiveSessions(self._plan, self._tenant, order.ORDERS[self._query.type])
            steps = sessions.steps()
        position, forward = cursor.place if cursor else None, self._plan.forward
        is_back = bool(cursor and cursor.is_backward)
        rows = streams.rows(steps, position, progress, forward=forward, is_back=is_back)
        done, stubs_are_whole = position, readiness.are_stubs_complete(self._query.type)
        for row, place in self._placed(rows, progress):
            progress.examined += 1
            if sessions and not sessions.has_message(row):
                continue
            json = self._checkable_json(row) if stubs_are_whole or not row.is_partial else None
            try:
                is_match = json is None or self._row_matches(json, row)
            except OutOfRows:
                if done == position:
                    raise too_many_linked(self._query) from None
                progress.place, progress.is_exhausted = done, True
                return
            done = place
            if is_match:
                progress.matched += 1
                yield Match(json or b"", place, row if row.is_partial else None)

    def _checkable_json(self, row: Row) -> bytes | None:
        """Return the JSON of a row, or None if it is not enough to check the row.

        A chain looks into contained resources, which the row of a part does not have in full.
        """
        json = row.json
        lacks_contained = row.is_partial and self._query.joins and json and _CONTAINING in json
        return None if lacks_contained else json

    def _placed(self, rows: Iterator[Row], progress: Progress) -> Iterator[tuple[Row, Position]]:
        """Yield rows with their places; with joins, what many rows refer to is read together."""
        placed = ((row, progress.place or []) for row in rows)
        if not self._query.joins:
            yield from placed
            return
        while batch := [*islice(placed, AT_ONCE)]:
            self._prefetch([row for row, _ in batch])
            yield from batch

    def _prefetch(self, rows: list[Row]) -> None:
        """Read what chains will look at for the rows that match everything else."""
        from shared.search.run import joining  # noqa: PLC0415 - few searches have joins

        resources = (self._loads(json) for row in rows if (json := row.json))
        likely = [
            resource for resource in resources if _matches_all(resource, self._plan.predicates)
        ]
        with suppress(OutOfRows):
            joining.prefetch(likely, self._query.joins, self._lookups)

    def _row_matches(self, json: bytes, row: Row) -> bool:
        excluded, word_ranges = row.stream.excluded, row.stream.word_ranges
        if excluded and matches(self._loads(json), excluded):
            return False
        if word_ranges and not word_ranges.is_first_row(self._loads(json), row.item["sk"]["S"]):
            return False
        return self._matches(json, self._plan.predicates)

    def _matches(self, json: bytes, criteria: tuple[Criterion, ...]) -> bool:
        visibility, joins = self._lookups.visibility, self._query.joins
        is_seen = visibility.sees_without_reading(self._query.type, json)
        if is_seen and not criteria and not joins:
            return True
        resource = self._loads(json)
        return (
            _matches_all(resource, criteria)
            and (is_seen or visibility.sees(resource))
            and (not joins or self._matches_joins(resource))
        )

    def _matches_joins(self, resource: Resource) -> bool:
        from shared.search.run import joining  # noqa: PLC0415 - few searches have joins

        return all(joining.satisfies(resource, join, self._lookups) for join in self._query.joins)

    def with_json(self, candidates: Iterable[Match]) -> list[Match]:
        """Read the matches whose rows had no room for JSON, as stubs: what searches look at."""
        matched = list(candidates)
        # A string search may read several rows of a resource, of which one counts.
        rows: dict[str, list[Row]] = {}
        for match in matched:
            if match.row and not match.json:
                rows.setdefault(match.row.id, []).append(match.row)
        stubs: dict[str, bytes] = {}
        for ids in batched(rows, AT_ONCE, strict=False):
            for resource_id, json in json_by_id(self._query.type, ids, self._tenant).items():
                places = [row.place for row in rows[resource_id] if self._still_matches(json, row)]
                stubs |= dict.fromkeys(places, fhirjson.dumps(stub(self._loads(json))))
        read_since = (
            match._replace(json=stubs.get(match.row.place, b""))
            if match.row and not match.json
            else match
            for match in matched
        )
        return [match for match in read_since if match.json]

    def read_whole(self, matched: list[Match]) -> list[Match]:
        """Read whole the matches that rows have in part, and drop those that have changed."""
        ids = [match.row.id for match in matched if match.row]
        by_id = json_by_id(self._query.type, ids, self._tenant) if ids else {}
        return [
            match._replace(json=by_id[match.row.id]) if match.row else match
            for match in matched
            if match.row is None
            or (match.row.id in by_id and self._still_matches(by_id[match.row.id], match.row))
        ]

    def _still_matches(self, json: bytes, row: Row) -> bool:
        return self._matches(json, self._query.criteria) and self._row_matches(json, row)


def _matches_all(resource: Resource, criteria: tuple[Criterion, ...]) -> bool:
    return all(matches(resource, criterion) for criterion in criteria)


def too_many_linked(query: Query) -> TooCostly:
    """Return the error of a search for which one resource is linked with too many others."""
    return TooCostly(
        f"The search would have to read more than {MOST_ROWS} other resources for one {query.type}",
        expression=query.joins[0].text.partition("=")[0],
        diagnostics="Search those resources directly, by the reference between them",
    )


def _by_ids(resource_type: str, ids: tuple[str, ...], tenant: str) -> dict[str, bytes]:
    if resource_type != AUDIT_EVENT:
        return json_by_id(resource_type, ids, tenant)
    from shared.audit import event_lookup  # noqa: PLC0415 - few searches read the audit trail

    return event_lookup.json_by_id(
        tenant, [resource_id for resource_id in ids if ID.fullmatch(resource_id)]
    )
