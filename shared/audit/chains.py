"""The chains of the audit trail: each event holds the hash of the one before about a resource.

Pure: what is stored is given. A resource's item holds the hash of the last event about it, so that
whoever alters or removes an event would have to alter every event since, and the resource's item.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from shared import instants
from shared.audit.events import link


@dataclass(frozen=True, slots=True)
class Row:
    """An event's row: its JSON as written; `expires` in seconds since 1970, 0 for never."""

    tenant: str
    id: str
    event: bytes
    expires: int = 0


@dataclass(frozen=True, slots=True)
class Head:
    """A resource as it is, with when it was created and the hash of the last event about it."""

    tenant: str
    reference: str
    version: int
    created: str
    chain: bytes


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain is broken: an event and what is wrong; without id it is one that is gone."""

    event: str
    reference: str
    version: int
    problem: str

    def __str__(self) -> str:
        """Tell it in one line."""
        event = f"AuditEvent/{self.event}, " if self.event else ""
        return f"{event}{self.reference} version {self.version}: {self.problem}"


@dataclass(frozen=True, slots=True)
class _Step:
    """What one event says of one resource."""

    id: str
    at: str
    version: int
    before: str


type _Steps = Mapping[str, _Step]

ALTERED = "this event was altered"
MISSING = "the event before this one is missing"
NO_END = "the event of this version is missing"
NO_RESOURCE = "what this event is about is not there, or this event was altered"


def first_break(rows: Iterable[Row], heads: Iterable[Head], now: datetime) -> Break | None:
    """Walk the chain of every resource; give the oldest event that was altered or is missing.

    `now` is when the heads were read: what was written since is left out. A chain whose beginning
    may have expired starts at its oldest event.
    """
    known = list(rows)
    seconds = retention(known)
    steps = _steps(known, now)
    breaks: list[Break] = []
    for head in heads:
        of_resource = steps.pop((head.tenant, head.reference), {})
        oldest = _seconds(head.created)
        may_expire = bool(seconds) and oldest + seconds <= now.timestamp()
        breaks += _broken(head, of_resource, may_expire=may_expire)
    for (_, reference), left in steps.items():
        breaks += (Break(one.id, reference, one.version, NO_RESOURCE) for one in left.values())
    return min(breaks, key=lambda one: one.event or "~", default=None)


def retention(rows: Iterable[Row]) -> int:
    """Return for how many seconds events are kept, as far as rows say; 0 where none expires."""
    return max((row.expires - _seconds(_at(row)) for row in rows if row.expires), default=0)


def _at(row: Row) -> str:
    at: str = orjson.loads(row.event)["at"]
    return at


def _seconds(at: str) -> int:
    return int(instants.read(at).timestamp())


def _steps(rows: Iterable[Row], now: datetime) -> dict[tuple[str, str], dict[str, _Step]]:
    """Give the steps of each resource by their hash, without those too new or already expired."""
    found: dict[tuple[str, str], dict[str, _Step]] = defaultdict(dict)
    for row in rows:
        said = orjson.loads(row.event)
        is_over = row.expires and row.expires <= now.timestamp()
        if is_over or said["at"] >= instants.written(now):
            continue
        for reference, version, _, before in said.get("written", ()):
            step = _Step(row.id, said["at"], version, before)
            found[row.tenant, reference][link(row.event).hex()] = step
    return found


def _broken(head: Head, steps: _Steps, *, may_expire: bool) -> Iterator[Break]:
    """Follow a chain from its end to its beginning; tell what it does not reach."""
    wanted, reached = head.chain.hex(), dict[str, _Step]()
    while wanted in steps:
        reached[wanted] = steps[wanted]
        wanted = steps[wanted].before
    if not wanted:
        left = [one for key, one in steps.items() if key not in reached]
        yield from (Break(one.id, head.reference, one.version, ALTERED) for one in left)
        return
    # The newest of what is left: where it is of the version that is missing, it was altered.
    left = sorted((one for key, one in steps.items() if key not in reached), key=lambda one: one.id)
    last = next(reversed(reached.values()), None)
    version = last.version - 1 if last else head.version
    if left and left[-1].version >= version:
        yield Break(left[-1].id, head.reference, left[-1].version, ALTERED)
    elif last and (left or not may_expire):
        yield Break(last.id, head.reference, last.version, MISSING)
    elif not last and (left or not may_expire):
        yield Break("", head.reference, head.version, NO_END)
