"""Carrying out a plan: the page of resources that match, and where it ended."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import batched, islice
from typing import Any, NamedTuple

from shared.catalog.interactions import AUDIT_EVENT
from shared.catalog.parameters import SEARCH_PARAMS
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
from shared.search.run.lookups import Lookups
from shared.search.run.paging import Cursor, Page, Position, refused
from shared.search.run.sessions import Sessions
from shared.search.run.streams import UNIT_ROWS, OutOfRows, Progress, Row
from shared.store.index import order, readiness
from shared.store.index.rows import stub
from shared.store.reading import read_many
from shared.store.records import LARGEST_SENT

type Resource = dict[str, Any]

# A Lambda answers with 6 MB at most, in which quotes are escaped, and a Bundle is more than its
# resources. Any one resource fits.
LARGEST_PAGE = LARGEST_SENT
# So many resources are read whole at once: each may have 4 MB.
_AT_ONCE = 25
_CONTAINING = b'"contained":'


class Match(NamedTuple):
    """A resource that matches, as JSON, and its place; `row` where it has yet to be completed."""

    json: bytes
    place: Position
    row: Row | None = None


def read(plan: Plan, query: Query, lookups: Lookups, cursor: Cursor | None) -> Page:
    """Read a page. Raises TooCostly where one request would have to read too much for it."""
    try:
        return _read(_Reader(plan, query, lookups, cursor))
    except OutOfRows:
        raise _unlooked(query) from None


def _read(reader: "_Reader") -> Page:
    plan, how = reader.plan, reader.how
    if plan.ids is not None:
        return reader.of_list(reader.of_ids(plan.ids))
    if not how.count:
        return reader.counted()
    if plan.sort:
        return reader.of_list(reader.sorted())
    if reader.cursor is None and (how.is_counted or how.offset is not None):
        return reader.counted()
    return reader.in_order()


class _Reader:
    """One request's reading."""

    def __init__(self, plan: Plan, query: Query, lookups: Lookups, cursor: Cursor | None) -> None:
        self.plan, self.query, self.lookups, self.cursor = plan, query, lookups, cursor
        self.tenant, self.loads = lookups.tenant, lookups.loads
        self.how, self.is_back = query.controls, bool(cursor and cursor.before)

    def _progress(self, wanted: int) -> Progress:
        return Progress(wanted, UNIT_ROWS[self.query.type], self.lookups.budget)

    def in_order(self) -> Page:
        """Read as far as a page and one more go, to know whether there is one.

        Where that has found nothing, it goes on for a while: whoever asks would only ask again.
        """
        begin = self.cursor
        page = self._from(begin)
        while (
            not page.resources
            and (place := page.previous if self.is_back else page.next)
            and (begin is None or place != begin.place)
            and self._is_indexed
            and self.lookups.budget.extend()
        ):
            begin = Cursor(place, before=self.is_back)
            page = self._from(begin)
        return page

    def _from(self, begin: Cursor | None) -> Page:
        progress = self._progress(self.how.count + 1)
        total = self.cursor.total if self.cursor and (self.cursor.total or 0) >= 0 else None
        return self._page(self._candidates(progress, begin), total, progress, begin)

    @property
    def _is_indexed(self) -> bool:
        """Tell whether a value given is what is read by, and nothing else must be read."""
        reads = (one.param.code == self.plan.reads for one in self.query.criteria)
        return all(map(self.lookups.is_answered, self.query.joins)) and any(reads)

    def _wide(self) -> str:
        """Give the parameter whose texts would have to be looked at one by one, if any.

        A value that is read by narrows them, and so does what the caller sees.
        """
        asked = self.query.criteria
        if self.plan.reads == COMPARTMENT or any(
            one.param.code == self.plan.reads for one in asked
        ):
            return ""
        names = (f"{one.param.code}:contains" for one in asked if one.modifier == "contains")
        return next(names, "")

    def counted(self) -> Page:
        """Read everything, to give the total; without that only as far as the page goes."""
        begin, count = self.how.offset or 0, self.how.count
        wanted = None if self.how.is_counted or not count else begin + count + 1
        progress = self._progress(wanted or MOST_ROWS)
        found = self._known(islice(self._candidates(progress, None), wanted))
        total = None if wanted or progress.is_exhausted else len(found)
        if not count and total is None:
            raise _too_costly(self.query, "counted", "_total")
        if progress.is_exhausted and begin and begin >= len(found):
            raise _too_costly(self.query, "read", "_offset")
        return self._page(iter(found[begin:]), total, progress)

    def of_list(self, found: list[Match]) -> Page:
        """Give the page of a list that is in order."""
        total = len(found) if self.how.is_counted or not self.how.count else None
        keys = self.plan.sort
        if self.cursor:
            bound = sorting.comparable(_checked(self.cursor.place, self.plan), keys)
            places = [sorting.comparable(one.place, keys) for one in found]
            if self.is_back:
                before = sum(place < bound for place in places)
                found = found[:before][::-1]
            else:
                found = found[sum(not bound < place for place in places) :]
        return self._page(iter(found[self.how.offset or 0 :]), total)

    def sorted(self) -> list[Match]:
        """Read everything and sort it."""
        progress = self._progress(MOST_ROWS)
        found = self._known(self._candidates(progress, None))
        if progress.is_exhausted:
            by = ",".join(key.param.code for key in self.plan.sort)
            raise _too_costly(self.query, f"sorted by {by}", "_sort")
        return self._in_sort(found)

    def of_ids(self, ids: tuple[str, ...]) -> list[Match]:
        """Read resources by id; without a sort they are in the order in which they are named."""
        known = _by_ids(self.query.type, ids, self.tenant)
        found = [
            Match(known[one], [number])
            for number, one in enumerate(ids)
            if one in known and self._matches(known[one], self.query.criteria)
        ]
        return self._in_sort(found) if self.plan.sort else found

    def _in_sort(self, found: list[Match]) -> list[Match]:
        keys = self.plan.sort
        placed = [
            one._replace(place=sorting.place(self.loads(one.json), keys, self.query))
            for one in found
        ]
        return sorted(placed, key=lambda one: sorting.comparable(one.place, keys))

    def _page(
        self,
        candidates: Iterator[Match],
        total: int | None,
        progress: Progress | None = None,
        begin: Cursor | None = None,
    ) -> Page:
        """Take a page off what comes in order, or back from the page after it."""
        taken = self._taken(candidates)
        page = _cut(taken[: self.how.count])
        is_partial = progress is not None and progress.is_exhausted
        beyond = None
        if is_partial and (wide := self._wide()):
            raise _too_costly(self.query, "looked at", wide)
        if progress and is_partial:
            # Without a place nothing could be read any more: the next page begins where this did.
            beyond = progress.place or (begin.place if begin else None)
        if len(page) < len(taken):
            beyond = page[-1].place if page else None
        came_from = page[0].place if self.cursor and page else None
        following, previous = (came_from, beyond) if self.is_back else (beyond, came_from)
        shown = page[::-1] if self.is_back else page
        resources, places = [one.json for one in shown], [one.place for one in shown]
        return Page(resources, following, previous, total, is_partial, places)

    def _taken(self, candidates: Iterator[Match]) -> list[Match]:
        """Complete as many as a page has and one more, or as many as an answer can hold."""
        wanted = self.how.count + 1 if self.how.count else 0
        found: list[Match] = []
        while missing := min(wanted - len(found), _AT_ONCE):
            batch = list(islice(candidates, missing))
            found += self._completed(batch)
            if len(batch) < missing or sum(sent_size(one.json) for one in found) > LARGEST_PAGE:
                break
        return found

    def _candidates(self, progress: Progress, cursor: Cursor | None) -> Iterator[Match]:
        """Give what matches by its row; some may have to be completed and checked again."""
        sessions = None
        steps = self.plan.steps
        if self.plan.sessions is not None:
            sessions = Sessions(self.plan, self.tenant, order.ORDERS[self.query.type])
            steps = sessions.steps()
        position, forward = cursor.place if cursor else None, self.plan.forward
        is_back = bool(cursor and cursor.before)
        rows = streams.rows(steps, position, progress, forward=forward, is_back=is_back)
        done, stubs_are_whole = position, readiness.are_stubs_whole(self.query.type)
        for row, place in self._placed(rows, progress):
            progress.looked_at += 1
            if sessions and not sessions.have(row):
                continue
            json = row.json if stubs_are_whole or not row.is_partial else None
            if row.is_partial and self.query.joins and json and _CONTAINING in json:
                # A chain looks into what is contained, which the row has not in full.
                json = None
            try:
                is_match = json is None or self._row_matches(json, row)
            except OutOfRows:
                if done == position:
                    raise _unlooked(self.query) from None
                progress.place, progress.is_exhausted = done, True
                return
            done = place
            if is_match:
                progress.matched += 1
                partial = row if row.is_partial else None
                yield Match(json or b"", place, partial)

    def _placed(self, rows: Iterator[Row], progress: Progress) -> Iterator[tuple[Row, Position]]:
        """Give rows with their places; where others are looked at, these are read for many rows."""
        joins = self.query.joins
        size = _AT_ONCE if joins else 1
        while batch := [(row, progress.place or []) for row in islice(rows, size)]:
            if joins:
                self._fetch([row for row, _ in batch])
            yield from batch

    def _fetch(self, rows: list[Row]) -> None:
        """Read what chains will look at, of those rows that match all else."""
        from shared.search.run import joining  # noqa: PLC0415 - few searches look at other resources

        found = [self.loads(json) for row in rows if (json := row.json)]
        predicates = self.plan.predicates
        likely = [one for one in found if all(matches(one, each) for each in predicates)]
        with suppress(OutOfRows):
            joining.fetch(likely, self.query.joins, self.lookups)

    def _row_matches(self, json: bytes, row: Row) -> bool:
        without, words = row.stream.without, row.stream.words
        if without and matches(self.loads(json), without):
            return False
        if words and not words.is_first_row(self.loads(json), row.item["sk"]["S"]):
            return False
        return self._matches(json, self.plan.predicates)

    def _matches(self, json: bytes, criteria: tuple[Criterion, ...]) -> bool:
        if (
            not criteria
            and not self.query.joins
            and self.lookups.surely_sees(self.query.type, json)
        ):
            return True
        resource = self.loads(json)
        return (
            all(matches(resource, one) for one in criteria)
            and self.lookups.sees(resource)
            and (not self.query.joins or self._is_joined(resource))
        )

    def _is_joined(self, resource: Resource) -> bool:
        from shared.search.run import joining  # noqa: PLC0415 - few searches look at other resources

        return all(joining.holds(resource, one, self.lookups) for one in self.query.joins)

    def _known(self, found: Iterable[Match]) -> list[Match]:
        """Read of rows without room for anything as much as searches look at, not the whole."""
        matched = list(found)
        # By words a resource may have several rows, of which one counts.
        rows: dict[str, list[Row]] = {}
        for one in matched:
            if one.row and not one.json:
                rows.setdefault(one.row.id, []).append(one.row)
        stubs: dict[str, bytes] = {}
        for ids in batched(rows, _AT_ONCE, strict=False):
            for key, json in read_many(self.query.type, ids, self.tenant).items():
                still = [row.place for row in rows[key] if self._is_still(json, row)]
                stubs |= dict.fromkeys(still, fhirjson.dumps(stub(self.loads(json))))
        read_since = (
            one._replace(json=stubs.get(one.row.place, b"")) if one.row and not one.json else one
            for one in matched
        )
        return [one for one in read_since if one.json]

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
        if json and self._is_still(json, match.row):
            yield Match(json, match.place)

    def _is_still(self, json: bytes, row: Row) -> bool:
        return self._matches(json, self.query.criteria) and self._row_matches(json, row)


def _checked(position: Position, plan: Plan) -> Position:
    """Give a place out of a cursor. Raises Invalid where it is none of a list."""
    if plan.sort:
        return sorting.checked(position, plan.sort)
    match position:
        case [int()]:
            return position
    raise refused()


def _cut(found: list[Match]) -> list[Match]:
    """Give as many as an answer can hold, at least one."""
    size = 0
    for number, one in enumerate(found):
        size += sent_size(one.json)
        if size > LARGEST_PAGE and number:
            return found[:number]
    return found


def _unlooked(query: Query) -> TooCostly:
    """Make the refusal of a search for which one resource has too many others."""
    return TooCostly(
        f"More than {MOST_ROWS} others would have to be looked at for one {query.type}",
        expression=query.joins[0].text.partition("=")[0],
        diagnostics="Search these others themselves, by the reference between them",
    )


def _too_costly(query: Query, what: str, expression: str) -> TooCostly:
    params = SEARCH_PARAMS.of(query.type).values()
    indexed = [one.code for one in params if readiness.is_partitioned(one) and one.spread == 1]
    return TooCostly(
        f"More than {MOST_ROWS} resources would have to be {what}",
        expression=expression,
        diagnostics=f"Add a value of one of {', '.join(indexed)}",
    )


def _by_ids(resource_type: str, ids: tuple[str, ...], tenant: str) -> dict[str, bytes]:
    if resource_type != AUDIT_EVENT:
        return read_many(resource_type, ids, tenant)
    from shared.audit import event_lookup  # noqa: PLC0415 - nothing else reads the trail

    return event_lookup.resources(tenant, [each for each in ids if ID.fullmatch(each)])
