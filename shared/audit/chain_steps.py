"""The steps of the hash chains: the facts that each audit event states about each resource."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from shared.audit.events import event_hash
from shared.fhir import instants

DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event's row: its JSON as written, and its expiry in seconds since 1970, 0 for never."""

    tenant: str
    id: str
    event: bytes
    expires: int = 0


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """A break of a chain: an event, and what is wrong. A missing event has an empty id.

    `at` is the instant of the version that a missing event is of.
    """

    event: str
    reference: str
    version: int
    problem: str
    at: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return the break in one line of text."""
        event = f"AuditEvent/{self.event}, " if self.event else ""
        return f"{event}{self.reference} version {self.version}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Step:
    """The facts that one event states about one resource.

    `before` is the hash of the previous event, `content` that of the version, which events of older
    releases do not have. `keeps` is for how many days the row is kept, 0 for ever; `is_over` says
    that this time has passed.
    """

    id: str
    at: str
    version: int
    before: str
    content: str
    keeps: int
    is_over: bool


type StepsByResource = dict[tuple[str, str], dict[str, Step]]


@dataclass(frozen=True, slots=True)
class ChainSteps:
    """The steps of each resource by the hashes of their events, and problems of single rows.

    `kept` is the shortest retention that an event states, in seconds; 0 is for ever.
    """

    steps: StepsByResource
    problems: list[ChainBreak]
    kept: int


ALTERED = "this event was altered"
EXPIRY = "the expiry of this event was altered"
TOO_NEW = "this event is dated in the future"
# In seconds: the clocks of two machines differ by less.
_CLOCKS = 5 * 60


def collect(rows: Iterable[EventRow], now: datetime) -> ChainSteps:
    """Return the steps in rows, and the problems of single rows.

    Events that were written after `now` are left out.
    """
    steps: StepsByResource = defaultdict(dict)
    problems: list[ChainBreak] = []
    latest = instants.now().timestamp() + _CLOCKS
    for row in rows:
        try:
            event = orjson.loads(row.event)
            problems += _problems(row, event, latest)
            if event.get("written") and event["at"] < instants.to_text(now):
                _add(steps, row, event, now)
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.append(ChainBreak(row.id, "", 0, ALTERED))
    return ChainSteps(steps, problems, _kept(steps))


def _kept(steps_by_resource: StepsByResource) -> int:
    """Return the shortest retention that an event states, in seconds; 0 is for ever."""
    steps = (step for by_hash in steps_by_resource.values() for step in by_hash.values())
    days = (step.keeps for step in steps if step.keeps)
    return min(days, default=0) * DAY


def _problems(row: EventRow, event: dict[str, Any], latest: float) -> Iterator[ChainBreak]:
    """Yield what is wrong with the times of an event; events of reads are in no chain."""
    for reference, version, *_ in event.get("written", ())[:1]:
        at = unix_seconds(event["at"])
        if at > latest:
            yield ChainBreak(row.id, reference, version, TOO_NEW)
        elif not _expires_rightly(row, event, at):
            yield ChainBreak(row.id, reference, version, EXPIRY)


def _add(steps: StepsByResource, row: EventRow, event: dict[str, Any], now: datetime) -> None:
    written, at = event["written"], unix_seconds(event["at"])
    # Events of older releases do not state how long they are kept; their expiry does.
    keeps = event.get("keeps", (row.expires - at) // DAY if row.expires else 0)
    is_over = bool(keeps) and at + keeps * DAY <= now.timestamp()
    contents = event.get("contents") or [""] * len(written)
    for (reference, version, _, before), content in zip(written, contents, strict=True):
        step = Step(row.id, event["at"], version, before, content, keeps, is_over)
        steps[row.tenant, reference][event_hash(row.event).hex()] = step


def _expires_rightly(row: EventRow, event: dict[str, Any], at: int) -> bool:
    if "keeps" in event:
        return bool(row.expires == (at + event["keeps"] * DAY if event["keeps"] else 0))
    return not row.expires or (row.expires > at and not (row.expires - at) % DAY)


def unix_seconds(at: str) -> int:
    """Return an instant in whole seconds since 1970."""
    return int(instants.from_text(at).timestamp())
