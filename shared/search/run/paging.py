"""Pages: the links between them, and cursors bound to the query, tenant and caller they are for.

A cursor says how far, never where: partitions come from the request it is sent with.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from shared.errors import Invalid
from shared.search.query.controls import MOST_ROWS
from shared.search.query.criteria import Query

# A place in an order: step and key, or a number in a list, or the values sorted by.
type Position = list[Any]
type Pairs = tuple[tuple[str, str], ...]

# What may differ between the pages of one search.
_BESIDE = frozenset(
    {"_cursor", "_count", "_offset", "_total", "_summary", "_elements", "_format", "_pretty"}
)
# The total of a search that has more matches than one request may count.
UNCOUNTED = -1


class Cursor(NamedTuple):
    """The place after which a page begins, or `before` which it ends; `total` as counted at first.

    `total` is None where it was not asked for. `rest` is what the page before has left of what the
    match at the place includes; `via` the join that was answered first.
    """

    place: Position
    before: bool = False
    total: int | None = None
    rest: tuple[Any, ...] = ()
    via: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The JSON of a page's resources, and the places between it and its neighbours, if any.

    `total` is None where it was not asked for, or cannot be counted by one request; `is_partial`
    tells that the request has read all that it may. `places` are those of the resources; `rest` is
    what there is no room for of what the page's only match includes.
    """

    resources: list[bytes]
    next: Position | None = None
    previous: Position | None = None
    total: int | None = None
    is_partial: bool = False
    places: list[Position] = field(default_factory=list)
    included: list[bytes] = field(default_factory=list)
    rest: tuple[Any, ...] = ()


def _seal(query: Query, tenant: str, caller: str) -> str:
    asked = [pair for pair in query.applied if pair[0] not in _BESIDE]
    return sha256(orjson.dumps([tenant, caller, query.type, asked])).hexdigest()[:24]


def links(query: Query, tenant: str, caller: str, page: Page) -> dict[str, Pairs]:
    """Give the queries of the pages around one, by R4's names of their relations."""
    how, seal = query.controls, _seal(query, tenant, caller)
    same = tuple(pair for pair in query.applied if pair[0] not in ("_cursor", "_offset"))

    def at(offset: int) -> Pairs:
        return (*same, ("_offset", str(offset)))

    def by_cursor(place: Position, *, before: bool) -> Pairs:
        total = UNCOUNTED if how.is_counted and page.total is None else page.total
        more: dict[str, Any] = {"rest": page.rest} if page.rest and not before else {}
        more |= {"via": query.via} if query.via is not None else {}
        content = orjson.dumps([seal, before, total, *place, *([more] if more else [])])
        return (*same, ("_cursor", urlsafe_b64encode(content).decode().rstrip("=")))

    def around() -> Iterator[tuple[str, Pairs]]:
        last: int | None = None
        if page.total is not None and how.count:
            yield "first", same if how.offset is None else at(0)
            last = max(page.total - 1, 0) // how.count * how.count
            if last + how.count <= MOST_ROWS:
                yield "last", at(last)
        if how.offset and how.count:
            before = how.offset - how.count
            # From beyond the end it goes back to the last page.
            yield "previous", at(max(before if last is None else min(before, last), 0))
        elif page.previous is not None and how.offset is None:
            yield "previous", by_cursor(page.previous, before=True)
        if page.next is not None:
            following = (how.offset or 0) + len(page.resources)
            fits = following + how.count <= MOST_ROWS and not page.is_partial and not page.rest
            by_offset = how.offset is not None and fits
            yield "next", at(following) if by_offset else by_cursor(page.next, before=False)

    return dict(around())


def cursor(query: Query, tenant: str, caller: str) -> Cursor | None:
    """Read a query's cursor. Raises Invalid where it is of another search."""
    text = query.controls.cursor
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        content = orjson.loads(urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, TypeError):
        raise refused() from None
    match content:
        case [str(seal), bool(before), (int() | None) as total, _, *_]:
            if seal == _seal(query, tenant, caller) and _is_total(total):
                return _cursor(content[3:], before=before, total=total)
    raise refused()


def _is_total(total: int | None) -> bool:
    return total is None or (type(total) is int and UNCOUNTED <= total <= MOST_ROWS)


def _cursor(place: Position, *, before: bool, total: int | None) -> Cursor:
    if not isinstance(place[-1], dict):
        return Cursor(place, before, total)
    *place, more = place
    rest, via = more.get("rest", []), more.get("via")
    if not place or not isinstance(rest, list) or not isinstance(via, int | None):
        raise refused()
    return Cursor(place, before, total, tuple(rest), via)


def refused() -> Invalid:
    """Make the refusal of a cursor."""
    return Invalid(
        "The cursor is none that this search has given; begin at its first page",
        expression="_cursor",
    )
