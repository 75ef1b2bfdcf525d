"""History of one resource, newest first.

https://hl7.org/fhir/R4/http.html#history
"""

from dataclasses import dataclass

from shared import instants
from shared.access import Actor
from shared.errors import Invalid, NotFound
from shared.settings import settings
from shared.sight import Sight
from shared.store import reading
from shared.store.records import Versioned

DEFAULT_COUNT, LARGEST_COUNT = 20, 1000
PARAMETERS = ("_count", "_offset", "_since", "_format", "_pretty")


@dataclass(frozen=True, slots=True)
class Step:
    """A version, and whether the resource was not there before it."""

    record: Versioned
    created: bool


@dataclass(frozen=True, slots=True)
class History:
    """A page of steps, how many there are in all, and the offset of the next page."""

    steps: list[Step]
    total: int
    next: int | None


def history(
    actor: Actor, resource_type: str, resource_id: str, query: list[tuple[str, str]]
) -> History:
    """Give a page of the versions that the caller sees. Raises NotFound and Invalid."""
    given = dict(query)
    for name in given:
        if name not in PARAMETERS:
            raise Invalid(f"History takes {', '.join(PARAMETERS)}", expression=name)
    sight = Sight(actor)
    current = reading.current(actor.tenant, resource_type, resource_id)
    if current is None or not sight.sees_record(current):
        raise NotFound(f"{resource_type}/{resource_id} does not exist")
    steps = _steps([*reading.versions(actor.tenant, current), current])
    newest_first = [one for one in reversed(steps) if sight.sees_version(one.record)]
    if since := given.get("_since"):
        low = _instant(since)
        newest_first = [one for one in newest_first if _updated(one.record) >= low]
    offset = _number(given, "_offset", 0)
    count = min(_number(given, "_count", DEFAULT_COUNT), LARGEST_COUNT)
    total, end = len(newest_first), offset + count
    return History(newest_first[offset:end], total, end if count and end < total else None)


def _steps(oldest_first: list[Versioned]) -> list[Step]:
    was_there = [False, *(not one.deleted for one in oldest_first)]
    return [Step(one, not was) for one, was in zip(oldest_first, was_there, strict=False)]


def _updated(record: Versioned) -> int:
    return instants.nanoseconds(instants.read(record.last_updated))


def _instant(text: str) -> int:
    try:
        return instants.parse(text, settings().zone).low
    except ValueError:
        raise Invalid("_since is an instant", expression="_since", diagnostics=text) from None


def _number(given: dict[str, str], name: str, default: int) -> int:
    text = given.get(name, str(default))
    if not text.isascii() or not text.isdecimal() or len(text) > len("1000000"):
        raise Invalid(f"{name} is a number", expression=name, diagnostics=text[:20])
    return int(text)
