"""Carrying out a plan: the page of resources that match, and where it ended."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import orjson

from shared import fhirjson
from shared.catalog.parameters import SEARCH_PARAMS, Index
from shared.errors import TooCostly
from shared.index import order
from shared.search import sorting, streams
from shared.search.criteria import Criterion, Query
from shared.search.matching import matches
from shared.search.paging import Position, refused
from shared.search.plans import Plan
from shared.search.sessions import Sessions
from shared.search.streams import MOST_ROWS, UNIT_ROWS, Progress, Row
from shared.store.reading import read_many

type Resource = dict[str, Any]

# A Lambda answers with 6 MB at most, and a Bundle is more than its resources.
LARGEST_PAGE = 4 * 1024 * 1024


class Match(NamedTuple):
    """A resource that matches, as JSON, and its place; `row` where it has yet to be completed."""

    json: bytes
    place: Position
    row: Row | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The JSON of the resources of a page, and the place after which the next begins."""

    resources: list[bytes]
    end: Position | None


def read(plan: Plan, query: Query, tenant: str, position: Position | None) -> Page:
    """Read a page. Raises TooCostly where it would have to be sorted and is too long."""
    reader = _Reader(plan, query, tenant)
    if plan.ids is not None:
        return reader.of_ids(plan.ids, position)
    if plan.sort:
        return reader.sorted(position)
    return reader.in_order(position)


def _fast(json: bytes) -> Resource:
    """Read JSON many times as fast, with numbers rounded: only quantities look at these."""
    try:
        resource: Resource = orjson.loads(json)
    except orjson.JSONDecodeError:
        # A number that is larger than any of a processor's own.
        resource = fhirjson.loads(json)
    return resource


class _Reader:
    """One request's reading."""

    def __init__(self, plan: Plan, query: Query, tenant: str) -> None:
        self.plan, self.query, self.tenant = plan, query, tenant
        exact = any(one.param.type == "quantity" for one in query.criteria)
        self.loads: Callable[[bytes], Resource] = fhirjson.loads if exact else _fast

    def in_order(self, position: Position | None) -> Page:
        """Read as far as a page and one more go, to know whether there is one."""
        progress = Progress(self.query.count + 1, UNIT_ROWS[self.query.type])
        candidates = self._candidates(position, progress)
        found: list[Match] = []
        while missing := self.query.count + 1 - len(found):
            batch = list(islice(candidates, missing))
            found += self._completed(batch)
            if len(batch) < missing:
                break
        if len(found) > self.query.count or _size(found) > LARGEST_PAGE:
            return self._first(found)
        end = progress.place if progress.is_exhausted else None
        return Page([one.json for one in found], end)

    def sorted(self, position: Position | None) -> Page:
        """Read everything and sort it."""
        progress = Progress(MOST_ROWS)
        candidates = list(self._candidates(None, progress))
        if progress.is_exhausted:
            raise _too_costly(self.query)
        return self._sorted(self._completed(candidates), position)

    def of_ids(self, ids: tuple[str, ...], position: Position | None) -> Page:
        """Read resources by id, in the order in which they are named."""
        known = read_many(self.query.type, ids, self.tenant)
        found = [
            Match(known[one], [number])
            for number, one in enumerate(ids)
            if one in known and self._matches(known[one], self.query.criteria)
        ]
        if self.plan.sort:
            return self._sorted(found, position)
        if position is not None:
            found = [one for one in found if one.place > _number(position)]
        return self._first(found)

    def _sorted(self, found: list[Match], position: Position | None) -> Page:
        keys = self.plan.sort
        placed = [
            Match(one.json, sorting.place(self.loads(one.json), keys, self.query)) for one in found
        ]
        placed.sort(key=lambda one: sorting.comparable(one.place, keys))
        if position is not None:
            after = sorting.comparable(sorting.checked(position, keys), keys)
            placed = [one for one in placed if after < sorting.comparable(one.place, keys)]
        return self._first(placed)

    def _first(self, found: list[Match]) -> Page:
        page = _cut(found[: self.query.count])
        end = page[-1].place if len(page) < len(found) else None
        return Page([one.json for one in page], end)

    def _candidates(self, position: Position | None, progress: Progress) -> Iterator[Match]:
        """Give what matches by its row; some may have to be completed and checked again."""
        sessions = None
        steps = self.plan.steps
        if self.plan.sessions is not None:
            sessions = Sessions(self.plan, self.tenant, order.ORDERS[self.query.type])
            steps = sessions.steps()
        for row in streams.rows(steps, position, progress, forward=self.plan.forward):
            progress.looked_at += 1
            if sessions and not sessions.have(row):
                continue
            json = row.json
            if json is None or self._row_matches(json, row):
                progress.matched += 1
                partial = row if row.is_partial else None
                yield Match(json or b"", progress.place or [], partial)

    def _row_matches(self, json: bytes, row: Row) -> bool:
        predicates = self.plan.predicates
        without = row.stream.without
        if not predicates and not without:
            return True
        resource = self.loads(json)
        return all(matches(resource, one) for one in predicates) and not (
            without and matches(resource, without)
        )

    def _matches(self, json: bytes, criteria: tuple[Criterion, ...]) -> bool:
        if not criteria:
            return True
        resource = self.loads(json)
        return all(matches(resource, one) for one in criteria)

    def _completed(self, found: list[Match]) -> list[Match]:
        """Read whole what rows have in part, and check it: it may have changed meanwhile."""
        ids = [one.row.id for one in found if one.row]
        if not ids:
            return found
        known = read_many(self.query.type, ids, self.tenant)
        return [one for match in found for one in self._whole(match, known)]

    def _whole(self, match: Match, known: dict[str, bytes]) -> Iterator[Match]:
        if match.row is None:
            yield match
            return
        json = known.get(match.row.id)
        if json and self._matches(json, self.query.criteria) and self._row_matches(json, match.row):
            yield Match(json, match.place)


def _number(position: Position) -> Position:
    match position:
        case [int()]:
            return position
    raise refused()


def _size(found: list[Match]) -> int:
    return sum(len(one.json) for one in found)


def _cut(found: list[Match]) -> list[Match]:
    """Give as many as an answer can hold, at least one."""
    size = 0
    for number, one in enumerate(found):
        size += len(one.json)
        if size > LARGEST_PAGE and number:
            return found[:number]
    return found


def _too_costly(query: Query) -> TooCostly:
    params = SEARCH_PARAMS.of(query.type).values()
    indexed = [one.code for one in params if one.index is Index.ROW and one.spread == 1]
    keys = ",".join(key.param.code for key in query.sort)
    return TooCostly(
        f"More than {MOST_ROWS} resources would have to be sorted by {keys}",
        expression="_sort",
        diagnostics=f"Add a value of one of {', '.join(indexed)}",
    )
