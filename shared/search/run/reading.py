"""Carrying out a plan: the page of resources that match, and the place where it ends."""

from collections.abc import Iterator
from itertools import islice

from shared.catalog.parameters import SEARCH_PARAMS
from shared.errors import TooCostly
from shared.fhir.fhirjson import fits, sent_size
from shared.search.plan.plans import COMPARTMENT, Plan
from shared.search.query.controls import MOST_ROWS
from shared.search.query.criteria import Query
from shared.search.run.budget import ROWS_PER_READ_UNIT, OutOfRows, Progress
from shared.search.run.candidates import AT_ONCE, Candidates, Match, too_many_linked
from shared.search.run.lookups import Lookups
from shared.search.run.paging import Cursor, Page
from shared.store.index import readiness
from shared.store.records import LARGEST_SENT


def read_page(plan: Plan, query: Query, lookups: Lookups, cursor: Cursor | None) -> Page:
    """Read a page. Raises TooCostly if one request would have to read too much for it."""
    try:
        return _Reader(plan, query, lookups, cursor).page()
    except OutOfRows:
        raise too_many_linked(query) from None


class _Reader:
    """The reading of one page for one request."""

    def __init__(self, plan: Plan, query: Query, lookups: Lookups, cursor: Cursor | None) -> None:
        self.plan, self.query, self.lookups, self.cursor = plan, query, lookups, cursor
        self.controls, self.is_back = query.controls, bool(cursor and cursor.is_backward)
        self.candidates = Candidates(plan, query, lookups)

    def page(self) -> Page:
        """Read the page in the way that the plan and the controls need."""
        if self.plan.ids is not None:
            matched = self.candidates.of_ids(self.plan.ids)
            return self._of_list(self._in_sort(matched) if self.plan.sort else matched)
        if not self.controls.count:
            return self._counted()
        if self.plan.sort:
            return self._of_list(self._sorted())
        if self.cursor is None and (self.controls.wants_total or self.controls.offset is not None):
            return self._counted()
        return self._in_order()

    def _progress(self, wanted: int) -> Progress:
        return Progress(wanted, ROWS_PER_READ_UNIT[self.query.type], self.lookups.budget)

    def _in_order(self) -> Page:
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
        return self._page(self.candidates.read(progress, begin), total, progress, begin)

    @property
    def _is_indexed(self) -> bool:
        """Return whether rows are read by a given value, and no other resources must be read."""
        return self._reads_a_value and all(map(self.lookups.is_answered, self.query.joins))

    @property
    def _reads_a_value(self) -> bool:
        """Return whether a value that the query gives selects the rows that are read."""
        return any(
            criterion.param.code == self.plan.source_name for criterion in self.query.criteria
        )

    def _unselective_parameter(self) -> str:
        """Return the parameter whose texts would have to be looked at one by one, or "".

        A value that rows are read by narrows the search, and so do the caller's compartments.
        """
        if self.plan.source_name == COMPARTMENT or self._reads_a_value:
            return ""
        names = (
            f"{criterion.param.code}:contains"
            for criterion in self.query.criteria
            if criterion.modifier == "contains"
        )
        return next(names, "")

    def _counted(self) -> Page:
        """Read all matches to count them; without a total, only as far as the page needs."""
        offset, count = self.controls.offset or 0, self.controls.count
        wanted = None if self.controls.wants_total or not count else offset + count + 1
        progress = self._progress(wanted or MOST_ROWS)
        matched = self.candidates.with_json(islice(self.candidates.read(progress, None), wanted))
        total = None if wanted or progress.is_exhausted else len(matched)
        if not count and total is None:
            raise _too_costly(self.query, "counted", "_total")
        if progress.is_exhausted and offset and offset >= len(matched):
            raise _too_costly(self.query, "read", "_offset")
        return self._page(iter(matched[offset:]), total, progress)

    def _of_list(self, matched: list[Match]) -> Page:
        """Return the page of a list of matches that is in order."""
        total = len(matched) if self.controls.wants_total or not self.controls.count else None
        if self.cursor:
            from shared.search.run import sorting  # noqa: PLC0415 - few searches page through a list

            matched = sorting.beyond(self.cursor, matched, self.plan.sort)
        return self._page(iter(matched[self.controls.offset or 0 :]), total)

    def _sorted(self) -> list[Match]:
        """Read all matches and sort them."""
        progress = self._progress(MOST_ROWS)
        matched = self.candidates.with_json(self.candidates.read(progress, None))
        if progress.is_exhausted:
            codes = ",".join(key.param.code for key in self.plan.sort)
            raise _too_costly(self.query, f"sorted by {codes}", "_sort")
        return self._in_sort(matched)

    def _in_sort(self, matched: list[Match]) -> list[Match]:
        from shared.search.run import sorting  # noqa: PLC0415 - the order of rows is often the one asked for

        return sorting.in_order(matched, self.plan.sort, self.query, self.lookups.loads)

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
        while missing := min(wanted - len(whole), AT_ONCE):
            batch = list(islice(candidates, missing))
            whole += self.candidates.read_whole(batch)
            if len(batch) < missing or not _fit(whole):
                break
        return whole


def _fit(matched: list[Match]) -> bool:
    return fits([match.json for match in matched], LARGEST_SENT)


def _fitting(matched: list[Match]) -> list[Match]:
    """Return as many matches as a response can hold, at least one."""
    if _fit(matched):
        return matched
    size = 0
    for number, match in enumerate(matched):
        size += sent_size(match.json)
        if size > LARGEST_SENT and number:
            return matched[:number]
    return matched


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
