"""Going from matches to what is included: what they refer to, and what refers to them.

https://hl7.org/fhir/R4/search.html#revinclude
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from shared.catalog.types import TYPES
from shared.errors import TooCostly
from shared.fhir import references
from shared.fhir.fhirjson import sent_size
from shared.fhir.references import Local
from shared.search.query.includes import ITERATE, Include
from shared.search.run.lookups import Lookups, Resource
from shared.search.run.paging import Cursor, Page, Position, refused
from shared.search.run.reading import LARGEST_PAGE
from shared.search.run.streams import OutOfRows

_FIRST_ROWS = 100
# Where fewer rows may still be read after the rest of a match's includes, matches wait.
_FOR_MATCHES = 1000
# How far what is included may be from its match: a cursor has a place for each step between them.
_DEEPEST = 30


class _Full(Exception):
    """The page holds no more."""


class _Step(NamedTuple):
    """How far a walk has come on one level: rule, place in what it gives, what was given there."""

    rule: int
    place: str
    name: str


@dataclass(frozen=True, slots=True)
class Rest:
    """What is still to be included of a match: its name, and how far its walk has come."""

    match: str
    steps: tuple[_Step, ...]

    def written(self) -> tuple[Any, ...]:
        """Write it for a cursor."""
        return (self.match, *map(list, self.steps))


def unfinished(written: Sequence[Any]) -> Rest:
    """Read it from a cursor. Raises Invalid where it is none."""
    match written:
        case [str(name), *steps] if _is_stored(name) and len(steps) <= _DEEPEST:
            return Rest(name, tuple(_step(each) for each in steps))
    raise refused()


def _step(written: object) -> _Step:
    match written:
        case [int(rule), str(place), str(name)] if rule >= 0 and (not name or _is_stored(name)):
            return _Step(rule, place, name)
    raise refused()


def _is_stored(name: str) -> bool:
    named = references.relative(name)
    return isinstance(named, Local) and str(named) == name and named.type in TYPES


class Walk:
    """Goes from matches to what they include, as far as the page has room; each resource once."""

    def __init__(self, includes: Sequence[Include], lookups: Lookups, room: int) -> None:
        """Begin a page that has room for so many bytes."""
        self._direct = includes
        self._iterating = [one for one in includes if one.iterate]
        self._lookups, self.room = lookups, room
        self.found: dict[str, bytes] = {}
        self._path: list[_Step] = []

    def fetch(self, matches: Sequence[Resource]) -> None:
        """Read at once what matches refer to."""
        rules = [rule for rule in self._direct if not rule.reverse]
        with suppress(OutOfRows):
            self._lookups.fetch(
                name for rule in rules for match in matches for name in self._forward(rule, match)
            )

    def match(self, name: str, match: Resource, json: bytes) -> Rest | None:
        """Include what a match of the page leads to, as `of`; it has its own room on the page."""
        if self.found and sent_size(json) > self.room:
            return Rest(name, ())
        self.room = max(self.room - sent_size(json), 0)
        return self.of(name, match)

    def of(self, name: str, match: Resource, done: Sequence[_Step] = ()) -> Rest | None:
        """Include what a match leads to; give what is left where the page has no more room."""
        self._path = []
        try:
            self._from(name, match, self._direct, list(done))
        except (_Full, OutOfRows):
            return Rest(name, tuple(self._path))
        return None

    def _from(
        self, name: str, resource: Resource, rules: Sequence[Include], done: list[_Step]
    ) -> None:
        level, begin = len(self._path), done[0] if done else _Step(0, "", "")
        if level == _DEEPEST:
            raise TooCostly(
                f"What would be included is more than {_DEEPEST} references away",
                expression=ITERATE,
            )
        self._path.append(begin)
        if begin.name and (json := self._lookups.get(begin.name)):
            self._from(begin.name, self._lookups.loads(json), self._iterating, done[1:])
        for number, rule in enumerate(rules[begin.rule :], begin.rule):
            after = begin.place if number == begin.rule else ""
            self._path[level] = _Step(number, after, "")
            for place, child, json in self._children(rule, name, resource, after):
                if child not in self.found:
                    self._keep(child, json)
                    self._path[level] = _Step(number, place, child)
                    if self._iterating:
                        self._from(child, self._lookups.loads(json), self._iterating, [])
                self._path[level] = _Step(number, place, "")
        del self._path[level:]

    def _keep(self, name: str, json: bytes) -> None:
        if sent_size(json) > self.room:
            raise _Full
        self.room -= sent_size(json)
        self.found[name] = json

    def _children(
        self, rule: Include, name: str, resource: Resource, after: str
    ) -> Iterator[tuple[str, str, bytes]]:
        if not rule.reverse:
            targets = sorted(one for one in self._forward(rule, resource) if one > after)
            self._lookups.fetch(targets)
            for target in targets:
                if json := self._lookups.get(target):
                    yield target, self._lookups.name_of(target), json
        elif rule.target in ("", resource["resourceType"]):
            named = rule.param.targets
            can_be = not named or resource["resourceType"] in named
            if can_be and not self._lookups.has_no_parts(resource, rule.param):
                own, _ = references.versioned(name)
                for found in self._lookups.referring(
                    rule.param, own, first=_FIRST_ROWS, after=after
                ):
                    yield found.place, found.name, found.json

    def _forward(self, rule: Include, resource: Resource) -> list[str]:
        if rule.param.resource != resource["resourceType"]:
            return []
        return self._lookups.versions(resource, rule.param, rule.target)


def gather(
    includes: Sequence[Include],
    lookups: Lookups,
    read: Callable[[], Page],
    cursor: Cursor | None,
) -> Page:
    """Read a page with what its matches include, at most what one answer holds.

    A page ends before a match whose includes do not fit; where they alone are more than a page, the
    next goes on with them.
    """
    walk = Walk(includes, lookups, LARGEST_PAGE)
    if cursor and cursor.rest:
        rest = _resumed(walk, lookups, unfinished(cursor.rest))
        if rest or (walk.found and lookups.budget.left < _FOR_MATCHES):
            included, left = [*walk.found.values()], rest.written() if rest else ()
            return Page([], cursor.place, total=cursor.total, included=included, rest=left)
    page = read()
    resources = [lookups.loads(json) for json in page.resources]
    names = [f"{one['resourceType']}/{one['id']}" for one in resources]
    walk.fetch(resources)
    for number, name in enumerate(names):
        before = dict(walk.found)
        rest = walk.match(name, resources[number], page.resources[number])
        if rest is None:
            continue
        if number:
            walk.found, page = before, _cut(page, number, page.places[number - 1])
        elif cursor and cursor.rest and before:
            walk.found, page = before, _cut(page, 0, cursor.place)
        else:
            page = _cut(page, 1, page.places[0], rest.written())
        break
    matched = names[: len(page.resources)]
    included = [json for name, json in walk.found.items() if name not in matched]
    return replace(page, included=included)


def _cut(page: Page, number: int, end: Position, rest: tuple[Any, ...] = ()) -> Page:
    return replace(page, resources=page.resources[:number], next=end, rest=rest)


def _resumed(walk: Walk, lookups: Lookups, left: Rest) -> Rest | None:
    json = lookups.get(left.match)
    return walk.of(left.match, lookups.loads(json), left.steps) if json else None
