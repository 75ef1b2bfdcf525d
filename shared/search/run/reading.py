"""Carrying out a plan: the page of resources that match, and the place where it ends."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import batched, islice
from typing import Any, NamedTuple

from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.types import AUDIT_EVENT
from shared.errors import TooCostly
from shared.fhir import fhirjson
from shared.fhir.fhirjson import sent_size
from shared.fhir.references import ID
from shared.search.plan.plans import COMPARTMENT, Plan
from shared.search.query.controls import MOST_ROWS
from shared.search.query.criteria import Query
from shared.search.query.criterion import Criterion
from shared.search.query.matching import matches
from shared.search.run import sorting, streams
from shared.search.run.effective_sessions import EffectiveSessions
from shared.search.run.lookups import Lookups
from shared.search.run.paging import Cursor, Page, Position, invalid_cursor
from shared.search.run.streams import ROWS_PER_READ_UNIT, OutOfRows, Progress, Row
from shared.store.index import order, readiness
from shared.store.index.rows import stub
from shared.store.reading import json_by_id
from shared.store.records import LARGEST_SENT

type Resource = dict[str, Any]

# A Lambda function may answer with 6 MB, in which quotes are escaped and the Bundle needs room
# beside its resources. Any single resource fits.
LARGEST_PAGE = LARGEST_SENT
# How many whole resources are read at once: each may have 4 MB.
_AT_ONCE = 25
_CONTAINING = b'"contained":'


class Match(NamedTuple):
    """A matching resource as JSON, and its place; `row` is set if it has yet to be read whole."""

    json: bytes
    place: Position
    row: Row | None = None


def read_page(plan: Plan, query: Query, lookups: Lookups, cursor: Cursor | None) -> Page:
    """Read a page. Raises TooCostly if one request would have to read too much for it."""
    try:
        return _read_page(_Reader(plan, query, lookups, cursor))
    except OutOfRows:
        raise _too_many_linked(query) from None


def _read_page(reader: "_Reader") -> Page:
    plan, controls = reader.plan, reader.controls
    if plan.ids is not None:
        return reader.of_list(reader.of_ids(plan.ids))
    if not controls.count:
        return reader.counted()
    if plan.sort:
        return reader.of_list(reader.sorted())
    if reader.cursor is None and (controls.wants_total or controls.offset is not None):
        return reader.counted()
    return reader.in_order()


class _Reader:
    """The reading of one page for one request."""

    def __init__(self, plan: Plan, query: Query, lookups: Lookups, cursor: Cursor | None) -> None:
        self.plan, self.query, self.lookups, self.cursor = plan, query, lookups, cursor
        self.tenant, self.loads = lookups.tenant, lookups.loads
        self.controls, self.is_back = query.controls, bool(cursor and cursor.is_backward)

    def _progress(self, wanted: int) -> Progress:
        return Progress(wanted, ROWS_PER_READ_UNIT[self.query.type], self.lookups.budget)

    def in_order(self) -> Page:
        """Read one match more than a page, to know whether there is a next page.

        If that finds nothing, go on for a while: an empty page would only make the client ask
        again.
        """
        begin = self.cursor
        page = self._page_from(begin)
        while (
            not page.resources
            and (place := page.previous if self.is_back else page.next)
            and (begin is None or place != begin.place)
            and self._is_indexed
            and self.lookups.budget.extend()
        ):
            begin = Cursor(place, is_backward=self.is_back)
            page = self._page_from(begin)
        return page

    def _page_from(self, begin: Cursor | None) -> Page:
        progress = self._progress(self.controls.count + 1)
        total = self.cursor.total if self.cursor and (self.cursor.total or 0) >= 0 else None
        return self._page(self._candidates(progress, begin), total, progress, begin)

    @property
    def _is_indexed(self) -> bool:
        """Return whether rows are read by a given value, and no other resources must be read."""
        are_read_by = (
            criterion.param.code == self.plan.source_name for criterion in self.query.criteria
        )
        return all(map(self.lookups.is_answered, self.query.joins)) and any(are_read_by)

    def _unselective_parameter(self) -> str:
        """Return the parameter whose texts would have to be looked at one by one, or "".

        A value that rows are read by narrows the search, and so do the caller's compartments.
        """
        criteria = self.query.criteria
        if self.plan.source_name == COMPARTMENT or any(
            criterion.param.code == self.plan.source_name for criterion in criteria
        ):
            return ""
        names = (
            f"{criterion.param.code}:contains"
            for criterion in criteria
            if criterion.modifier == "contains"
        )
        return next(names, "")

    def counted(self) -> Page:
        """Read all matches to count them; without a total, only as far as the page needs."""
        offset, count = self.controls.offset or 0, self.controls.count
        wanted = None if self.controls.wants_total or not count else offset + count + 1
        progress = self._progress(wanted or MOST_ROWS)
        matched = self._with_json(islice(self._candidates(progress, None), wanted))
        total = None if wanted or progress.is_exhausted else len(matched)
        if not count and total is None:
            raise _too_costly(self.query, "counted", "_total")
        if progress.is_exhausted and offset and offset >= len(matched):
            raise _too_costly(self.query, "read", "_offset")
        return self._page(iter(matched[offset:]), total, progress)

    def of_list(self, matched: list[Match]) -> Page:
        """Return the page of a list of matches that is in order."""
        total = len(matched) if self.controls.wants_total or not self.controls.count else None
        keys = self.plan.sort
        if self.cursor:
            bound = sorting.comparison_key(_checked_position(self.cursor.place, self.plan), keys)
            positions = [sorting.comparison_key(match.place, keys) for match in matched]
            if self.is_back:
                before = sum(position < bound for position in positions)
                matched = matched[:before][::-1]
            else:
                matched = matched[sum(not bound < position for position in positions) :]
        return self._page(iter(matched[self.controls.offset or 0 :]), total)

    def sorted(self) -> list[Match]:
        """Read all matches and sort them."""
        progress = self._progress(MOST_ROWS)
        matched = self._with_json(self._candidates(progress, None))
        if progress.is_exhausted:
            codes = ",".join(key.param.code for key in self.plan.sort)
            raise _too_costly(self.query, f"sorted by {codes}", "_sort")
        return self._in_sort(matched)

    def of_ids(self, ids: tuple[str, ...]) -> list[Match]:
        """Read resources by id; without a sort they keep the order in which they are named."""
        by_id = _by_ids(self.query.type, ids, self.tenant)
        matched = [
            Match(by_id[resource_id], [number])
            for number, resource_id in enumerate(ids)
            if resource_id in by_id and self._matches(by_id[resource_id], self.query.criteria)
        ]
        return self._in_sort(matched) if self.plan.sort else matched

    def _in_sort(self, matched: list[Match]) -> list[Match]:
        keys = self.plan.sort
        placed = [
            match._replace(place=sorting.position_of(self.loads(match.json), keys, self.query))
            for match in matched
        ]
        return sorted(placed, key=lambda match: sorting.comparison_key(match.place, keys))

    def _page(
        self,
        candidates: Iterator[Match],
        total: int | None,
        progress: Progress | None = None,
        begin: Cursor | None = None,
    ) -> Page:
        """Return the page that matches begin with; those of a page before come the last first."""
        taken = self._taken(candidates)
        page = _fitting(taken[: self.controls.count])
        is_partial = progress is not None and progress.is_exhausted
        beyond = None
        if is_partial and (parameter := self._unselective_parameter()):
            raise _too_costly(self.query, "looked at", parameter)
        if progress and is_partial:
            # If no row could be read at all, the next page begins where this one did.
            beyond = progress.place or (begin.place if begin else None)
        if len(page) < len(taken):
            beyond = page[-1].place if page else None
        came_from = page[0].place if self.cursor and page else None
        following, previous = (came_from, beyond) if self.is_back else (beyond, came_from)
        shown = page[::-1] if self.is_back else page
        resources, places = [match.json for match in shown], [match.place for match in shown]
        return Page(resources, following, previous, total, is_partial, places)

    def _taken(self, candidates: Iterator[Match]) -> list[Match]:
        """Take a match more than a page has, or as many as a response holds. Read them whole."""
        wanted = self.controls.count + 1 if self.controls.count else 0
        whole: list[Match] = []
        while missing := min(wanted - len(whole), _AT_ONCE):
            batch = list(islice(candidates, missing))
            whole += self._read_whole(batch)
            if len(batch) < missing or sum(sent_size(match.json) for match in whole) > LARGEST_PAGE:
                break
        return whole

    def _candidates(self, progress: Progress, cursor: Cursor | None) -> Iterator[Match]:
        """Yield the matches by what rows have; some must be read whole and checked again."""
        sessions = None
        steps = self.plan.steps
        if self.plan.sessions is not None:
            sessions = EffectiveSessions(self.plan, self.tenant, order.ORDERS[self.query.type])
            steps = sessions.steps()
        position, forward = cursor.place if cursor else None, self.plan.forward
        is_back = bool(cursor and cursor.is_backward)
        rows = streams.rows(steps, position, progress, forward=forward, is_back=is_back)
        done, stubs_are_whole = position, readiness.are_stubs_complete(self.query.type)
        for row, place in self._placed(rows, progress):
            progress.examined += 1
            if sessions and not sessions.has_message(row):
                continue
            json = row.json if stubs_are_whole or not row.is_partial else None
            if row.is_partial and self.query.joins and json and _CONTAINING in json:
                # A chain looks into contained resources, which the row does not have in full.
                json = None
            try:
                is_match = json is None or self._row_matches(json, row)
            except OutOfRows:
                if done == position:
                    raise _too_many_linked(self.query) from None
                progress.place, progress.is_exhausted = done, True
                return
            done = place
            if is_match:
                progress.matched += 1
                partial = row if row.is_partial else None
                yield Match(json or b"", place, partial)

    def _placed(self, rows: Iterator[Row], progress: Progress) -> Iterator[tuple[Row, Position]]:
        """Yield rows with their places; with joins, what many rows refer to is read together."""
        joins = self.query.joins
        size = _AT_ONCE if joins else 1
        while batch := [(row, progress.place or []) for row in islice(rows, size)]:
            if joins:
                self._fetch([row for row, _ in batch])
            yield from batch

    def _fetch(self, rows: list[Row]) -> None:
        """Read what chains will look at for the rows that match everything else."""
        from shared.search.run import joining  # noqa: PLC0415 - few searches have joins

        resources = [self.loads(json) for row in rows if (json := row.json)]
        predicates = self.plan.predicates
        likely = [
            resource
            for resource in resources
            if all(matches(resource, criterion) for criterion in predicates)
        ]
        with suppress(OutOfRows):
            joining.prefetch(likely, self.query.joins, self.lookups)

    def _row_matches(self, json: bytes, row: Row) -> bool:
        without, words = row.stream.excluded, row.stream.word_ranges
        if without and matches(self.loads(json), without):
            return False
        if words and not words.is_first_row(self.loads(json), row.item["sk"]["S"]):
            return False
        return self._matches(json, self.plan.predicates)

    def _matches(self, json: bytes, criteria: tuple[Criterion, ...]) -> bool:
        if (
            not criteria
            and not self.query.joins
            and self.lookups.sees_without_reading(self.query.type, json)
        ):
            return True
        resource = self.loads(json)
        return (
            all(matches(resource, criterion) for criterion in criteria)
            and self.lookups.sees(resource)
            and (not self.query.joins or self._matches_joins(resource))
        )

    def _matches_joins(self, resource: Resource) -> bool:
        from shared.search.run import joining  # noqa: PLC0415 - few searches have joins

        return all(joining.satisfies(resource, join, self.lookups) for join in self.query.joins)

    def _with_json(self, candidates: Iterable[Match]) -> list[Match]:
        """Read the matches whose rows had no room for JSON, as stubs: what searches look at."""
        matched = list(candidates)
        # A string search may read several rows of a resource, of which one counts.
        rows: dict[str, list[Row]] = {}
        for match in matched:
            if match.row and not match.json:
                rows.setdefault(match.row.id, []).append(match.row)
        stubs: dict[str, bytes] = {}
        for ids in batched(rows, _AT_ONCE, strict=False):
            for resource_id, json in json_by_id(self.query.type, ids, self.tenant).items():
                places = [row.place for row in rows[resource_id] if self._still_matches(json, row)]
                stubs |= dict.fromkeys(places, fhirjson.dumps(stub(self.loads(json))))
        read_since = (
            match._replace(json=stubs.get(match.row.place, b""))
            if match.row and not match.json
            else match
            for match in matched
        )
        return [match for match in read_since if match.json]

    def _read_whole(self, matched: list[Match]) -> list[Match]:
        """Read whole the matches that rows have in part, and drop those that have changed."""
        ids = [match.row.id for match in matched if match.row]
        if not ids:
            return matched
        by_id = json_by_id(self.query.type, ids, self.tenant)
        return [match for match in matched for match in self._if_still_matching(match, by_id)]

    def _if_still_matching(self, match: Match, by_id: dict[str, bytes]) -> Iterator[Match]:
        if match.row is None:
            yield match
            return
        json = by_id.get(match.row.id)
        if json and self._still_matches(json, match.row):
            yield Match(json, match.place)

    def _still_matches(self, json: bytes, row: Row) -> bool:
        return self._matches(json, self.query.criteria) and self._row_matches(json, row)


def _checked_position(position: Position, plan: Plan) -> Position:
    """Return a position out of a cursor. Raises Invalid if it cannot belong to a list."""
    if plan.sort:
        return sorting.check_position(position, plan.sort)
    match position:
        case [int()]:
            return position
    raise invalid_cursor()


def _fitting(matched: list[Match]) -> list[Match]:
    """Return as many matches as a response can hold, at least one."""
    size = 0
    for number, match in enumerate(matched):
        size += sent_size(match.json)
        if size > LARGEST_PAGE and number:
            return matched[:number]
    return matched


def _too_many_linked(query: Query) -> TooCostly:
    """Return the error of a search for which one resource is linked with too many others."""
    return TooCostly(
        f"The search would have to read more than {MOST_ROWS} other resources for one {query.type}",
        expression=query.joins[0].text.partition("=")[0],
        diagnostics="Search those resources directly, by the reference between them",
    )


def _too_costly(query: Query, done: str, expression: str) -> TooCostly:
    params = SEARCH_PARAMS.of(query.type).values()
    indexed = [
        param.code for param in params if readiness.is_partitioned(param) and param.spread == 1
    ]
    return TooCostly(
        f"More than {MOST_ROWS} resources would have to be {done}",
        expression=expression,
        diagnostics=f"Narrow the search by one of {', '.join(indexed)}",
    )


def _by_ids(resource_type: str, ids: tuple[str, ...], tenant: str) -> dict[str, bytes]:
    if resource_type != AUDIT_EVENT:
        return json_by_id(resource_type, ids, tenant)
    from shared.audit import event_lookup  # noqa: PLC0415 - few searches read the audit trail

    return event_lookup.json_by_id(
        tenant, [resource_id for resource_id in ids if ID.fullmatch(resource_id)]
    )
