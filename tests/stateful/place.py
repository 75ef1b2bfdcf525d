"""A practice on an in-memory database, with a clock and requests that crash and sleep."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import instants, settings, ulids
from shared.interactions import due
from shared.store import dynamodb, transactions
from shared.store.operations import DUE_SHARDS
from tests import consistency, invariants
from tests.database import Database, Fate
from tests.frontdoor import Answer, FrontDoor
from tests.picture import Known, Picture, picture
from tests.stateful import branches
from tests.stateful.requests import Request, Sleeping

BERLIN = instants.zone("Europe/Berlin")
TABLES = {f"{name.upper()}_TABLE": name for name in ("encounter", "thread", "search", "audit")}
# What may be answered; a message is refused for less, see `Place.posted`.
FINE = frozenset({200, 201, 204, 404, 410, 412, 422})


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@dataclass
class Clock:
    """The time that `transactions` waits by: it passes by waiting only."""

    seconds: float = 0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def uniform(self, _: float, longest: float) -> float:
        return longest


class Place:
    """One deployment, looked at after every transaction."""

    def __init__(
        self, now: datetime, seen: Counter[str] | None = None, *, largest: int = 100, **said: str
    ) -> None:
        self.patch = pytest.MonkeyPatch()
        self.now, self.clinic, self.database = now, FrontDoor(), Database()
        self.seen: Counter[str] = Counter() if seen is None else seen
        self.violation: AssertionError | None = None
        self.asleep: list[Request[Any]] = []
        self.disturbed = False
        self._deploy(largest, {"SESSION_TIME_ZONE": "Europe/Berlin"} | said)
        self._known: Known = {}
        self.picture = Picture()
        self.database.committed = self._look_at_it

    def _deploy(self, largest: int, said: dict[str, str]) -> None:
        clock, numbers = Clock(), random.Random(7)  # noqa: S311 - the same ids in every run
        for name, value in (TABLES | said).items():
            self.patch.setenv(name, value)
        settings.settings.cache_clear()
        dynamodb.table_name.cache_clear()
        self.patch.setattr(dynamodb, "client", lambda: self.database)
        self.patch.setattr(transactions, "client", lambda: self.database)
        self.patch.setattr(transactions, "LARGEST", largest)
        self.patch.setattr(transactions, "time", clock)
        self.patch.setattr(transactions, "random", clock)
        self.patch.setattr(instants, "now", lambda: instants.floor(self.utc))
        self.patch.setattr(
            ulids,
            "new",
            lambda milliseconds: (
                ulids.prefix(milliseconds) + ulids._letters(numbers.getrandbits(80), 16)
            ),
        )

    def close(self) -> None:
        """Kill what sleeps still and leave everything as it was."""
        for request in self.asleep:
            request.kill()
        self.patch.undo()
        settings.settings.cache_clear()
        dynamodb.table_name.cache_clear()

    @property
    def utc(self) -> datetime:
        return self.now.astimezone(UTC)

    def pass_time(self, **more: float) -> None:
        """Let time pass as it does, not as a wall clock shows it."""
        self.now = (self.utc + timedelta(**more)).astimezone(BERLIN)

    def _look_at_it(self) -> None:
        before, self.picture = self.picture, picture(self.database, self._known)
        try:
            invariants.check(before, self.picture)
        except AssertionError as violation:
            # Inside a request it would become an answer: it is raised where that arrives.
            self.violation = self.violation or violation
        self.seen.update(branches.seen(before, self.picture))

    def run[T](
        self,
        call: Callable[[], T],
        fate: Fate | None = None,
        then: Callable[[T], Any] = lambda _: None,
    ) -> None:
        """Make a request; one that falls asleep is kept."""
        request = Request(self.database, call, then, fate or Fate())
        self._ended(request, ended=request.run())

    def wake(self, number: int, sleep_again: int = 0) -> None:
        """Let a sleeping request go on."""
        request = self.asleep.pop(number)
        self._ended(request, ended=request.wake(sleep_again))

    def _ended(self, request: Request[Any], *, ended: bool) -> None:
        if not ended:
            self.asleep.append(request)
        self.disturbed = self.disturbed or request.crashed
        if self.violation:
            raise self.violation

    def call(
        self,
        method: str,
        url: str,
        body: Any = None,
        fate: Fate | None = None,
        then: Callable[[Answer], Any] = lambda _: None,
        **headers: str,
    ) -> None:
        """Make a request of a client's, and hold its answer against what may be answered."""

        def arrived(answer: Answer) -> None:
            assert answer.status in FINE, f"{answer.status} {answer.text}"
            self.seen[f"{method} {url.split('/')[1]} answered {answer.status}"] += 1
            then(answer)

        self.run(lambda: self.clinic.call(method, url, body, **headers), fate, arrived)

    def answer(self, method: str, url: str, body: Any = None, **headers: str) -> Answer:
        """Make a request that neither crashes nor sleeps."""
        answers: list[Answer] = []
        self.call(method, url, body, None, answers.append, **headers)
        return answers[0]

    def due(self) -> list[str]:
        return [
            encounter_id
            for shard in range(DUE_SHARDS)
            for _, encounter_id in due.due_until(self.utc, shard)
        ]

    def look(self, encounter_id: str, fate: Fate | None = None) -> None:
        """Let a worker look at one Encounter."""
        self.run(
            lambda: due.look(consistency.TENANT, encounter_id, self.utc),
            fate,
            lambda look: self.seen.update([f"a worker looked: {look.value}"]),
        )

    def look_at_all(self) -> None:
        for encounter_id in self.due():
            self.look(encounter_id)
        self.disturbed = self.disturbed and bool(self.asleep)

    def check(self) -> None:
        """Look at the tables as a whole."""
        consistency.check(closing_too=self.disturbed or bool(self.asleep))

    def wait(self, **more: float) -> None:
        """Let time pass, and what is due by then be looked at."""
        self.pass_time(**more)
        self.look_at_all()
        self.check()


def asleep_before(number: int) -> Sleeping:
    return Sleeping(number)
