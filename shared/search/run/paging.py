"""Pages and cursors: the links between pages, and cursors bound to query, tenant and caller.

A cursor says how far the search has come, never which partitions to read: these follow from the
request that it is sent with.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from shared.access.visibility import Visibility
from shared.errors import Invalid
from shared.search.query.controls import MOST_ROWS
from shared.search.query.criteria import Query

# A place in the order of results: step and key, a number in a list, or the values sorted by.
type Position = list[Any]
type Pairs = tuple[tuple[str, str], ...]

# The parameters that may differ between the pages of one search.
_NOT_BOUND = frozenset(
    {"_cursor", "_count", "_offset", "_total", "_summary", "_elements", "_format", "_pretty"}
)
# The total in the cursor of a search that has more matches than one request may count.
UNCOUNTED = -1


class Cursor(NamedTuple):
    """The place after which a page begins, or before which it ends, and the total if counted.

    `total` is None if it was not asked for. `pending_includes` is what the page before has left of
    the includes of the match at the place. `driving_join` is the number of the join that was
    answered first.
    """

    place: Position
    is_backward: bool = False
    total: int | None = None
    pending_includes: tuple[Any, ...] = ()
    driving_join: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The JSON of a page's resources, and the places between it and its neighbours, if any.

    `total` is None if it was not asked for, or if one request cannot count it. `is_partial` means
    that the request has read as many rows as it may. `places` are those of the resources.
    `pending_includes` is what the page has no room for of the includes of its only match.
    """

    resources: list[bytes]
    next: Position | None = None
    previous: Position | None = None
    total: int | None = None
    is_partial: bool = False
    places: list[Position] = field(default_factory=list)
    included: list[bytes] = field(default_factory=list)
    pending_includes: tuple[Any, ...] = ()


def _fingerprint(query: Query, visibility: Visibility) -> str:
    bound = [pair for pair in query.applied if pair[0] not in _NOT_BOUND]
    content = [visibility.tenant, visibility.caller_id, query.type, bound]
    return sha256(orjson.dumps(content)).hexdigest()[:24]


def links(query: Query, visibility: Visibility, page: Page) -> dict[str, Pairs]:
    """Return the queries of the pages around a page, by the relation of their links."""
    controls, fingerprint = query.controls, _fingerprint(query, visibility)
    params = tuple(pair for pair in query.applied if pair[0] not in ("_cursor", "_offset"))

    def to_offset(offset: int) -> Pairs:
        return (*params, ("_offset", str(offset)))

    def to_cursor(place: Position, *, before: bool) -> Pairs:
        total = UNCOUNTED if controls.wants_total and page.total is None else page.total
        extra: dict[str, Any] = (
            {"rest": page.pending_includes} if page.pending_includes and not before else {}
        )
        extra |= {"via": query.driving_join} if query.driving_join is not None else {}
        content = orjson.dumps([fingerprint, before, total, *place, *([extra] if extra else [])])
        return (*params, ("_cursor", urlsafe_b64encode(content).decode().rstrip("=")))

    def relations() -> Iterator[tuple[str, Pairs]]:
        last: int | None = None
        if page.total is not None and controls.count:
            yield "first", params if controls.offset is None else to_offset(0)
            last = max(page.total - 1, 0) // controls.count * controls.count
            if last + controls.count <= MOST_ROWS:
                yield "last", to_offset(last)
        if controls.offset and controls.count:
            before = controls.offset - controls.count
            # A page beyond the end leads back to the last one.
            yield "previous", to_offset(max(before if last is None else min(before, last), 0))
        elif page.previous is not None and controls.offset is None:
            yield "previous", to_cursor(page.previous, before=True)
        if page.next is not None:
            following = (controls.offset or 0) + len(page.resources)
            fits = (
                following + controls.count <= MOST_ROWS
                and not page.is_partial
                and not page.pending_includes
            )
            by_offset = controls.offset is not None and fits
            yield "next", to_offset(following) if by_offset else to_cursor(page.next, before=False)

    return dict(relations())


def parse_cursor(query: Query, visibility: Visibility) -> Cursor | None:
    """Return the cursor of a query, if any. Raises Invalid if it belongs to another search."""
    text = query.controls.cursor
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        content = orjson.loads(urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, TypeError):
        raise invalid_cursor() from None
    match content:
        case [str(fingerprint), bool(before), (int() | None) as total, _, *_]:
            if fingerprint == _fingerprint(query, visibility) and _is_total(total):
                return _cursor_at(content[3:], before=before, total=total)
    raise invalid_cursor()


def _is_total(total: int | None) -> bool:
    return total is None or (type(total) is int and UNCOUNTED <= total <= MOST_ROWS)


def _cursor_at(place: Position, *, before: bool, total: int | None) -> Cursor:
    if not isinstance(place[-1], dict):
        return Cursor(place, before, total)
    *place, extra = place
    rest, via = extra.get("rest", []), extra.get("via")
    if not place or not isinstance(rest, list) or not isinstance(via, int | None):
        raise invalid_cursor()
    return Cursor(place, before, total, tuple(rest), via)


def invalid_cursor() -> Invalid:
    """Return the error of a cursor that does not belong to its search."""
    return Invalid(
        "The cursor does not belong to this search; start again from the first page",
        expression="_cursor",
    )
