"""What each event of the audit trail says of each resource: the steps of the chains."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from shared.audit.events import chain_link
from shared.fhir import instants

DAY = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event's row: its JSON as written; `expires` in seconds since 1970, 0 for never."""

    tenant: str
    id: str
    event: bytes
    expires: int = 0


@dataclass(frozen=True, slots=True)
class Break:
    """Where a chain is broken: an event and what is wrong; without id it is one that is gone.

    `at` is the instant of the version that such an event is of.
    """

    event: str
    reference: str
    version: int
    problem: str
    at: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Write it in one line."""
        event = f"AuditEvent/{self.event}, " if self.event else ""
        return f"{event}{self.reference} version {self.version}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Step:
    """What one event says of one resource.

    `keeps` is for how many days its row is kept, 0 for ever, and `is_over` that this time has
    passed. Events of older releases have no `content`.
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
    """The steps of each resource by their hashes, and what is wrong with rows themselves.

    `kept` is for how many seconds events are kept at least, as they say; 0 is for ever.
    """

    steps: StepsByResource
    problems: list[Break]
    kept: int


ALTERED = "this event was altered"
EXPIRY = "when this event expires was altered"
TOO_NEW = "this event is of a time that has not come yet"
# Clocks of two machines differ by less.
_CLOCKS = 5 * 60


def read(rows: Iterable[EventRow], now: datetime) -> ChainSteps:
    """Return what rows say of each resource, and what is wrong with rows themselves.

    What was written since `now` is left out.
    """
    found: StepsByResource = defaultdict(dict)
    wrong: list[Break] = []
    latest = instants.now().timestamp() + _CLOCKS
    for row in rows:
        try:
            event = orjson.loads(row.event)
            wrong += _problems(row, event, latest)
            if event.get("written") and event["at"] < instants.written(now):
                _add(found, row, event, now)
        except (ValueError, KeyError, TypeError, AttributeError):
            wrong.append(Break(row.id, "", 0, ALTERED))
    return ChainSteps(found, wrong, _kept(found))


def _kept(found: StepsByResource) -> int:
    """Return for how many seconds events are kept at least, as they say; 0 is for ever."""
    days = (step.keeps for steps in found.values() for step in steps.values() if step.keeps)
    return min(days, default=0) * DAY


def _problems(row: EventRow, event: dict[str, Any], latest: float) -> Iterator[Break]:
    """Tell what is wrong with the times of an event; those of a read are in no chain."""
    for reference, version, *_ in event.get("written", ())[:1]:
        at = unix_seconds(event["at"])
        if at > latest:
            yield Break(row.id, reference, version, TOO_NEW)
        elif not _expires_rightly(row, event, at):
            yield Break(row.id, reference, version, EXPIRY)


def _add(found: StepsByResource, row: EventRow, event: dict[str, Any], now: datetime) -> None:
    written, at = event["written"], unix_seconds(event["at"])
    # An older release did not say how long it would keep a row: its expiry does.
    keeps = event.get("keeps", (row.expires - at) // DAY if row.expires else 0)
    is_over = bool(keeps) and at + keeps * DAY <= now.timestamp()
    contents = event.get("contents") or [""] * len(written)
    for (reference, version, _, before), content in zip(written, contents, strict=True):
        step = Step(row.id, event["at"], version, before, content, keeps, is_over)
        found[row.tenant, reference][chain_link(row.event).hex()] = step


def _expires_rightly(row: EventRow, event: dict[str, Any], at: int) -> bool:
    if "keeps" in event:
        return bool(row.expires == (at + event["keeps"] * DAY if event["keeps"] else 0))
    return not row.expires or (row.expires > at and not (row.expires - at) % DAY)


def unix_seconds(at: str) -> int:
    """Return an instant in seconds since 1970."""
    return int(instants.read(at).timestamp())
