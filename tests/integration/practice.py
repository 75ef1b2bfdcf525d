"""A practice on the emulator, with requests of several threads at once, some of them killed."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared import settings
from shared.catalog import access_patterns as patterns
from shared.store import dynamodb, queues, transactions
from tests.integration.closing import Rounds
from tests.integration.journal import Items, Journal, in_order
from tests.stateful import branches
from tests.stateful.practice import Practice, local
from tests.stateful.requests import Killed, Sleeping
from tests.support import consistency, session_invariants
from tests.support.clock import set_clock
from tests.support.memory_database import CallHooks, Database
from tests.support.snapshot import take_snapshot

TABLES = patterns.TABLES
LONGEST_SLEEP = 0.05


@dataclass
class Slow(CallHooks):
    """The process is slow before its n-th call, so that others overtake it."""

    number: int

    def before(self, call: str) -> None:
        del call
        self.number -= 1
        if self.number == 0:
            time.sleep(random.uniform(0, LONGEST_SLEEP))


class OnEngine(Practice):
    """A practice on the emulator's database and queue. Call `check` when no request is running.

    The transactions made since the last check are repeated in memory, one after the other, and the
    invariants are checked after each.
    """

    is_concurrent = True

    def __init__(
        self, moment: str, seen: Counter[str], rounds: Rounds, *, largest: int, **environment: str
    ) -> None:
        super().__init__(local(moment), seen)
        self.rounds, self.patch = rounds, pytest.MonkeyPatch()
        self.requests, self.deleted = 0, set[str]()
        self._lock, self._thread = threading.Lock(), threading.local()
        self._journal, self._memory = Journal(), Database()
        for name, value in ({"SESSION_TIME_ZONE": "Europe/Berlin"} | environment).items():
            self.patch.setenv(name, value)
        settings.settings.cache_clear()
        self.patch.setattr(transactions, "MOST_ITEMS", largest)
        set_clock(self.patch, lambda: self.utc)
        self._memory.committed = self._look_at_it
        self._attach()

    def _attach(self) -> None:
        for name, client in (("dynamodb", dynamodb.client()), ("sqs", queues.client())):
            client.meta.events.register(f"before-call.{name}", self._before)
            client.meta.events.register(f"after-call.{name}", self._after)
        self._journal.attach(dynamodb.client().meta.events)

    def _before(self, model: Any, **_: Any) -> None:
        self._fate.before(model.name)

    def _after(self, model: Any, http_response: Any, **_: Any) -> None:
        if http_response.status_code == 200:
            self._fate.after(model.name)

    @property
    def _fate(self) -> CallHooks:
        fate: CallHooks = getattr(self._thread, "fate", None) or CallHooks()
        return fate

    def close(self) -> None:
        self.patch.undo()
        settings.settings.cache_clear()

    def pass_time(self, **more: float) -> None:
        with self._lock:
            super().pass_time(**more)

    def run[T](
        self,
        call: Callable[[], T],
        fate: CallHooks | None = None,
        then: Callable[[T], Any] = lambda _: None,
    ) -> None:
        """Make a request. If its process is killed, the client repeats the request once."""
        self._thread.fate = Slow(fate.number) if isinstance(fate, Sleeping) else fate
        with self._lock:
            self.requests += 1
        try:
            result = call()
        except Killed as killed:
            self.disturbed = True
            with self._lock:
                self.requests += 1
                self.seen[f"killed {killed}"] += 1
            self._thread.fate = None
            result = call()
        finally:
            self._thread.fate = None
        then(result)

    def call(self, method: str, url: str, *rest: Any, **more: Any) -> None:
        if method == "DELETE":
            self.deleted.add(url)
        super().call(method, url, *rest, **more)

    def is_gone(self, header_id: str) -> bool:
        return f"/Communication/{header_id}" in self.deleted

    def receive(self) -> list[dict[str, Any]]:
        return self.rounds.receive()

    def delete(self, record: dict[str, Any]) -> None:
        with suppress(ClientError):  # another worker has since received and deleted it
            self.rounds.delete(record)

    def wait(self, **more: float) -> None:
        self.pass_time(**more)
        self.look_at_all()

    def look_at_all(self) -> None:
        """Run the schedule and a worker until nothing is due."""
        self.pass_time(seconds=1)
        while self.due():
            self.schedule()
            while self.work():
                pass
        self.disturbed = False

    def _look_at_it(self) -> None:
        snapshot_before, self.snapshot = self.snapshot, take_snapshot(self._memory)
        session_invariants.check(snapshot_before, self.snapshot)
        self.seen.update(branches.seen(snapshot_before, self.snapshot))

    def check(self) -> None:
        """Check every transaction made since the last time, and the tables as a whole."""
        transactions_made = self._journal.take()
        for transaction in in_order(self._memory, transactions_made, _stored()):
            self._memory.made = 0
            self._memory.transact_write_items(
                TransactItems=transaction.operations, ClientRequestToken=transaction.token
            )
        super().check()


def _stored() -> Items:
    return {
        (dynamodb.table_name(table), item["pk"]["S"], item["sk"]["S"]): item
        for table in TABLES
        for item in consistency.scan(table)
    }
