"""A practice on an in-memory database, where requests crash and sleep as a test says."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from shared import settings
from shared.fhir import ulids
from shared.store import dynamodb, queues, transactions
from tests.stateful import branches
from tests.stateful.practice import Practice
from tests.stateful.queue import Queue
from tests.stateful.requests import Request
from tests.support import consistency, session_invariants
from tests.support.clock import set_clock
from tests.support.memory_database import CallHooks, Database
from tests.support.snapshot import take_snapshot

TABLES = {
    f"{name.upper()}_TABLE": name for name in ("encounter", "thread", "resource", "search", "audit")
}
QUEUE = {"CLOSING_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/closing"}


@dataclass
class Clock:
    """The clock by which `transactions` waits. Only waiting advances it."""

    seconds: float = 0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def uniform(self, _: float, longest: float) -> float:
        return longest


class Place(Practice):
    """A practice on an in-memory database. The invariants are checked after every transaction."""

    def __init__(
        self,
        now: datetime,
        seen: Counter[str] | None = None,
        *,
        largest: int = 100,
        **environment: str,
    ) -> None:
        super().__init__(now, Counter() if seen is None else seen)
        self.patch, self.database = pytest.MonkeyPatch(), Database()
        self.queue = Queue(self.database)
        self._checked: tuple[int, bool] | None = None
        self._deploy(largest, {"SESSION_TIME_ZONE": "Europe/Berlin"} | environment)
        self.database.committed = self._look_at_it

    def _deploy(self, largest: int, environment: dict[str, str]) -> None:
        clock, numbers = Clock(), random.Random(7)
        for name, value in (TABLES | QUEUE | environment).items():
            self.patch.setenv(name, value)
        settings.settings.cache_clear()
        dynamodb.table_name.cache_clear()
        self.patch.setattr(dynamodb, "client", lambda: self.database)
        self.patch.setattr(transactions, "client", lambda: self.database)
        self.patch.setattr(queues, "client", lambda: self.queue)
        self.patch.setattr(transactions, "MOST_ITEMS", largest)
        self.patch.setattr(transactions, "time", clock)
        self.patch.setattr(transactions, "random", clock)
        set_clock(self.patch, lambda: self.utc)
        self.patch.setattr(
            ulids,
            "new",
            lambda milliseconds: ulids.derived(
                ulids.prefix(milliseconds) + 16 * "0", numbers.getrandbits(80)
            ),
        )

    def close(self) -> None:
        """Kill the requests that still sleep, and restore the environment."""
        for request in self.asleep:
            request.kill()
        self.patch.undo()
        settings.settings.cache_clear()
        dynamodb.table_name.cache_clear()

    def _look_at_it(self) -> None:
        snapshot_before, self.snapshot = self.snapshot, take_snapshot(self.database)
        try:
            session_invariants.check(snapshot_before, self.snapshot)
        except AssertionError as violation:
            # Raised inside a request, it would become an answer. `_ended` raises it.
            self.violation = self.violation or violation
        self.seen.update(branches.seen(snapshot_before, self.snapshot))

    def run[T](
        self,
        call: Callable[[], T],
        fate: CallHooks | None = None,
        then: Callable[[T], Any] = lambda _: None,
    ) -> None:
        """Make a request. It is kept if it falls asleep."""
        request = Request(self.database, call, then, fate or CallHooks())
        self._ended(request, ended=request.run())

    def wake(self, number: int, sleep_again: int = 0) -> None:
        """Let a sleeping request go on."""
        request = self.asleep.pop(number)
        self._ended(request, ended=request.wake(sleep_again))

    def _ended(self, request: Request[Any], *, ended: bool) -> None:
        if not ended:
            self.asleep.append(request)
        if request.crashed:
            self.disturbed = True
            self.seen[f"killed {request.crashed}"] += 1
        if self.violation:
            raise self.violation

    def rouse(self) -> None:
        while self.asleep:
            self.wake(0)

    def receive(self) -> list[dict[str, Any]]:
        return self.queue.received()

    def delete(self, record: dict[str, Any]) -> None:
        self.queue.delete(record["messageId"])

    def look_at_all(self) -> None:
        super().look_at_all()
        self.disturbed = self.disturbed and bool(self.asleep)

    def check(self) -> None:
        """Check the tables as a whole, unless they are as they were the last time."""
        closing_too = self.disturbed or bool(self.asleep)
        state = (self.database.writes, closing_too)
        if state != self._checked:
            consistency.check(closing_too=closing_too)
            self._checked = state
