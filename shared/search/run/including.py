"""Adding to a page what its matches include: what they refer to, and what refers to them.

https://hl7.org/fhir/R4/search.html#revinclude
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from shared.catalog.types import STORED_TYPES
from shared.errors import TooCostly
from shared.fhir import references
from shared.fhir.fhirjson import Resource, sent_size
from shared.fhir.references import Local
from shared.search.query.includes import ITERATE, Include
from shared.search.run.budget import OutOfRows
from shared.search.run.lookups import Lookups
from shared.search.run.paging import Cursor, Page, Position, invalid_cursor
from shared.search.run.referrers import is_never_target, referrers
from shared.store.records import LARGEST_SENT

_FIRST_ROWS = 100
# Matches are left to the next page if fewer rows than these may be read after the includes that the
# page before has left.
_FOR_MATCHES = 1000
# How many references an included resource may be away from its match: the cursor has a place for
# each of them.
_DEEPEST = 30


class _Full(Exception):
    """The page has no more room."""


class _Step(NamedTuple):
    """How far a walk has come on one level: the rule, the place in its results, the resource."""

    rule: int
    place: str
    name: str


@dataclass(frozen=True, slots=True)
class PendingIncludes:
    """The part of a match's includes that a page had no room for, as the steps of its walk."""

    match: str
    steps: tuple[_Step, ...]

    def to_cursor(self) -> tuple[Any, ...]:
        """Return the pending includes as a cursor has them."""
        return (self.match, *map(list, self.steps))


def pending_from_cursor(written: Sequence[Any]) -> PendingIncludes:
    """Return the pending includes of a cursor. Raises Invalid if they are malformed."""
    match written:
        case [str(name), *steps] if _is_stored(name) and len(steps) <= _DEEPEST:
            return PendingIncludes(name, tuple(_step(step) for step in steps))
    raise invalid_cursor()


def _step(written: object) -> _Step:
    match written:
        case [int(rule), str(place), str(name)] if rule >= 0 and (not name or _is_stored(name)):
            return _Step(rule, place, name)
    raise invalid_cursor()


def _is_stored(name: str) -> bool:
    reference = references.parse_relative(name)
    return (
        isinstance(reference, Local) and str(reference) == name and reference.type in STORED_TYPES
    )


class IncludeWalk:
    """Follows references from matches while the page has room, and includes each resource once."""

    def __init__(self, includes: Sequence[Include], lookups: Lookups, room: int) -> None:
        """Begin a page that has room for a number of bytes."""
        self._direct = includes
        self._iterating = [rule for rule in includes if rule.iterate]
        self._lookups, self.room = lookups, room
        self.included: dict[str, bytes] = {}
        self._path: list[_Step] = []

    def prefetch(self, matches: Sequence[Resource]) -> None:
        """Read together the resources that matches refer to."""
        rules = [rule for rule in self._direct if not rule.reverse]
        with suppress(OutOfRows):
            self._lookups.prefetch(
                name for rule in rules for match in matches for name in self._targets(rule, match)
            )

    def add_match(self, name: str, match: Resource, json: bytes) -> PendingIncludes | None:
        """Include what a match of this page leads to. The match itself takes room, too."""
        if self.included and sent_size(json) > self.room:
            return PendingIncludes(name, ())
        self.room = max(self.room - sent_size(json), 0)
        return self.follow(name, match)

    def follow(
        self, name: str, match: Resource, done: Sequence[_Step] = ()
    ) -> PendingIncludes | None:
        """Include what a match leads to, and return what is left if the page has no more room."""
        self._path = []
        try:
            self._follow_from(name, match, self._direct, list(done))
        except (_Full, OutOfRows):
            return PendingIncludes(name, tuple(self._path))
        return None

    def _follow_from(
        self, name: str, resource: Resource, rules: Sequence[Include], done: list[_Step]
    ) -> None:
        level, begin = len(self._path), done[0] if done else _Step(0, "", "")
        if level == _DEEPEST:
            raise TooCostly(
                f"The search would include resources more than {_DEEPEST} references away",
                expression=ITERATE,
            )
        self._path.append(begin)
        if begin.name and (json := self._lookups.get(begin.name)):
            self._follow_from(begin.name, self._lookups.loads(json), self._iterating, done[1:])
        for number, rule in enumerate(rules[begin.rule :], begin.rule):
            after = begin.place if number == begin.rule else ""
            self._path[level] = _Step(number, after, "")
            for place, child, json in self._children(rule, name, resource, after):
                if child not in self.included:
                    self._keep(child, json)
                    self._path[level] = _Step(number, place, child)
                    if self._iterating:
                        self._follow_from(child, self._lookups.loads(json), self._iterating, [])
                self._path[level] = _Step(number, place, "")
        del self._path[level:]

    def _keep(self, name: str, json: bytes) -> None:
        if sent_size(json) > self.room:
            raise _Full
        self.room -= sent_size(json)
        self.included[name] = json

    def _children(
        self, rule: Include, name: str, resource: Resource, after: str
    ) -> Iterator[tuple[str, str, bytes]]:
        if not rule.reverse:
            targets = sorted(target for target in self._targets(rule, resource) if target > after)
            self._lookups.prefetch(targets)
            for target in targets:
                if json := self._lookups.get(target):
                    yield target, self._lookups.name_of(target), json
        elif rule.target in ("", resource["resourceType"]):
            target_types = rule.param.targets
            can_refer = not target_types or resource["resourceType"] in target_types
            if can_refer and not is_never_target(self._lookups, resource, rule.param):
                own_name, _ = references.split_version(name)
                for referrer in referrers(
                    self._lookups, rule.param, own_name, first=_FIRST_ROWS, after=after
                ):
                    yield referrer.place, referrer.name, referrer.json

    def _targets(self, rule: Include, resource: Resource) -> list[str]:
        if rule.param.resource != resource["resourceType"]:
            return []
        return self._lookups.versioned_targets(resource, rule.param, rule.target)


def read_with_includes(
    includes: Sequence[Include],
    lookups: Lookups,
    read: Callable[[], Page],
    cursor: Cursor | None,
) -> Page:
    """Read a page and what its matches include, at most what one response holds.

    The page ends before a match whose includes do not fit. If the includes of a single match are
    more than a page, the next page goes on with them.
    """
    walk = IncludeWalk(includes, lookups, LARGEST_SENT)
    if cursor and cursor.pending_includes:
        rest = _resume(walk, lookups, pending_from_cursor(cursor.pending_includes))
        if rest or (walk.included and lookups.budget.left < _FOR_MATCHES):
            included, pending = [*walk.included.values()], rest.to_cursor() if rest else ()
            return Page(
                [], cursor.place, total=cursor.total, included=included, pending_includes=pending
            )
    page = read()
    resources = [lookups.loads(json) for json in page.resources]
    names = [f"{resource['resourceType']}/{resource['id']}" for resource in resources]
    walk.prefetch(resources)
    for index, name in enumerate(names):
        included_before = dict(walk.included)
        rest = walk.add_match(name, resources[index], page.resources[index])
        if rest is None:
            continue
        if index:
            walk.included, page = included_before, _shortened(page, index, page.places[index - 1])
        elif cursor and cursor.pending_includes and included_before:
            walk.included, page = included_before, _shortened(page, 0, cursor.place)
        else:
            page = _shortened(page, 1, page.places[0], rest.to_cursor())
        break
    matched = names[: len(page.resources)]
    included = [json for name, json in walk.included.items() if name not in matched]
    return replace(page, included=included)


def _shortened(page: Page, count: int, end: Position, pending: tuple[Any, ...] = ()) -> Page:
    return replace(page, resources=page.resources[:count], next=end, pending_includes=pending)


def _resume(walk: IncludeWalk, lookups: Lookups, rest: PendingIncludes) -> PendingIncludes | None:
    json = lookups.get(rest.match)
    return walk.follow(rest.match, lookups.loads(json), rest.steps) if json else None
