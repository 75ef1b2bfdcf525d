"""History of one resource, newest first.

https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, chain

from shared import instants
from shared.access import Actor
from shared.catalog import controls
from shared.errors import Invalid, NotFound
from shared.fhirjson import sent_size
from shared.interactions.read import seen
from shared.settings import settings
from shared.sight import Sight
from shared.store import reading
from shared.store.records import LARGEST_SENT, Versioned


@dataclass(frozen=True, slots=True)
class Step:
    """A version, and whether the resource was not there before it."""

    record: Versioned
    created: bool


@dataclass(frozen=True, slots=True)
class History:
    """A page of steps, how many there are in all, and the offset of the next page.

    `seen` is the JSON of the current version where the caller sees that one.
    """

    steps: list[Step]
    total: int
    next: int | None
    seen: tuple[bytes, ...] = ()


def history(
    actor: Actor, resource_type: str, resource_id: str, query: list[tuple[str, str]]
) -> History:
    """Give a page of the versions the caller sees; it ends earlier at 5 MB.

    Raises NotFound and Invalid.

    Versions are numbered without gaps, so that a page is a range of numbers: what is read grows
    with the page, not with the history.
    """
    given = dict(query)
    offset = controls.number(controls.OFFSET, given.get("_offset", "0"))
    count = controls.page_size(given.get("_count"))
    since = _instant(given["_since"]) if "_since" in given else None
    sight, tenant = Sight(actor, "r"), actor.tenant
    current = seen(sight, resource_type, resource_id)
    if current is None:
        raise NotFound(f"{resource_type}/{resource_id} does not exist")
    first = 1 if since is None else _first_since(tenant, current, since)
    own = (current.json,) if current.json else ()
    if not sight.sees_all_of(current):
        return replace(_cut(list(_seen(sight, current, first)), offset, count), seen=own)
    total = current.version - first + 1
    newest = current.version - offset
    steps = _page(tenant, current, newest, max(newest - count + 1, first)) if count else []
    end = offset + len(steps)
    return History(steps, total, end if steps and end < total else None, own)


def _seen(sight: Sight, current: Versioned, first: int) -> Iterator[Step]:
    """Read the whole history of a resource for who may not see all of it, the newest first."""
    newest = current.version
    while steps := _page(sight.tenant, current, newest, first):
        # Whoever asks sees the current version: else there would be nothing to ask for.
        yield from (
            step for step in steps if step.record is current or sight.sees_past(step.record)
        )
        newest -= len(steps)


def _cut(steps: list[Step], offset: int, count: int) -> History:
    """Give as much of a page as an answer can hold."""
    sizes = accumulate(
        sent_size(step.record.json or b"") for step in steps[offset : offset + count]
    )
    fitting = sum(size <= LARGEST_SENT for size in sizes)
    end = offset + (max(fitting, 1) if steps[offset:] and count else 0)
    more = count and offset < end < len(steps)
    return History(steps[offset:end], len(steps), end if more else None)


def _page(tenant: str, current: Versioned, newest: int, oldest: int) -> list[Step]:
    """Read versions from the newest to the oldest, as far as an answer can hold."""
    if newest < oldest:
        return []
    own = [current] if newest == current.version else []
    # The one before the oldest tells whether that made the resource.
    past = reading.versions(tenant, current, max(oldest - 1, 1), min(newest, current.version - 1))
    steps: list[Step] = []
    later: Versioned | None = None
    size = 0
    for record in chain(own, past):
        if later is not None:
            steps.append(Step(later, created=record.deleted))
        size += sent_size(record.json or b"")
        if record.version < oldest or (steps and size > LARGEST_SENT):
            return steps
        later = record
    if later is not None:
        steps.append(Step(later, created=True))
    return steps


def _first_since(tenant: str, current: Versioned, since: int) -> int:
    """Find the first version that is not older, by halves: each is later than the one before."""
    low, high = 1, current.version + 1
    if _updated(current) < since:
        return high
    high -= 1
    while low < high:
        middle = (low + high) // 2
        record = reading.version(tenant, current, middle)
        if record is None or _updated(record) < since:
            low = middle + 1
        else:
            high = middle
    return low


def _updated(record: Versioned) -> int:
    return instants.nanoseconds(instants.read(record.last_updated))


def _instant(text: str) -> int:
    try:
        return instants.parse(text, settings().zone).low
    except ValueError:
        raise Invalid("_since is not an instant", expression="_since", diagnostics=text) from None
