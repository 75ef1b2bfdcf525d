"""Cursors: where a page ended, bound to the query, the tenant and the caller it was made for.

A cursor says how far, never where: partitions come from the request it is sent with.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import orjson

from shared.errors import Invalid
from shared.search.criteria import Query

# A place in an order: step and key, or a number in a list, or the values sorted by.
type Position = list[Any]

# What may differ between the pages of one search.
_BESIDE = frozenset({"_cursor", "_count", "_format", "_pretty"})


def _seal(query: Query, tenant: str, caller: str) -> str:
    asked = [pair for pair in query.applied if pair[0] not in _BESIDE]
    return sha256(orjson.dumps([tenant, caller, query.type, asked])).hexdigest()[:24]


def following(
    query: Query, tenant: str, caller: str, position: Position
) -> tuple[tuple[str, str], ...]:
    """Give the query of the page after a position."""
    text = urlsafe_b64encode(orjson.dumps([_seal(query, tenant, caller), *position]))
    same = tuple(pair for pair in query.applied if pair[0] != "_cursor")
    return (*same, ("_cursor", text.decode().rstrip("=")))


def position(query: Query, tenant: str, caller: str) -> Position | None:
    """Read where the page before ended. Raises Invalid where the cursor is of another search."""
    if not query.cursor:
        return None
    try:
        padded = query.cursor + "=" * (-len(query.cursor) % 4)
        content = orjson.loads(urlsafe_b64decode(padded.encode("ascii")))
        seal, *place = content
    except (ValueError, TypeError):
        raise refused() from None
    if seal != _seal(query, tenant, caller) or not place:
        raise refused()
    return list(place)


def refused() -> Invalid:
    """Make the refusal of a cursor."""
    return Invalid(
        "The cursor is none that this search has given; begin at its first page",
        expression="_cursor",
    )
