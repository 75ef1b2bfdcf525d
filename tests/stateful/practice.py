"""A practice that uses the service, on any kind of database: requests, time, jobs."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from functions import closing_scheduler, closing_worker
from shared.fhir import instants
from shared.local.schedule import event
from shared.sessions import due_encounters
from tests.support import consistency, steps
from tests.support.api_client import Answer, ApiClient
from tests.support.memory_database import CallHooks
from tests.support.snapshot import Snapshot
from tests.support.stored_items import TENANT

BERLIN = instants.zone("Europe/Berlin")
# The statuses of accepted answers. For messages, `Messages._post` allows fewer.
FINE = frozenset({200, 201, 204, 404, 410, 412, 422})
_ENOUGH_MS = 60_000
NOON = "2026-03-02 12:00"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


class Practice:
    """One deployment and its clock. `snapshot` has the latest state of the tables."""

    # Whether requests run at once, so that the snapshot may be older than a request.
    is_concurrent = False

    def __init__(self, now: datetime, seen: Counter[str]) -> None:
        self.now, self.clinic, self.seen = now, ApiClient(role="admin"), seen
        self.snapshot = Snapshot()
        self.disturbed = False
        self.asleep: list[Any] = []
        self.violation: AssertionError | None = None

    def run[T](
        self,
        call: Callable[[], T],
        fate: CallHooks | None = None,
        then: Callable[[T], Any] = lambda _: None,
    ) -> None:
        """Make a request. `then` receives the result, unless the process ends before."""
        raise NotImplementedError

    def receive(self) -> list[dict[str, Any]]:
        """Receive messages of the queue, as a worker's event source does."""
        raise NotImplementedError

    def delete(self, record: dict[str, Any]) -> None:
        """Delete a processed message."""
        raise NotImplementedError

    def rouse(self) -> None:
        """Let every sleeping request go on."""

    def close(self) -> None:
        """Restore the environment."""

    def is_gone(self, header_id: str) -> bool:
        """Return whether a header may have been deleted, so that its thread accepts no messages."""
        return self.snapshot.headers[header_id].deleted

    @property
    def utc(self) -> datetime:
        return self.now.astimezone(UTC)

    def pass_time(self, **more: float) -> None:
        """Let time pass in seconds, not as a wall clock shows it at a clock change."""
        self.now = (self.utc + timedelta(**more)).astimezone(BERLIN)

    def wait_until(self, moment: datetime) -> None:
        self.now = max(self.now, moment, key=lambda now: now.timestamp())

    def call(
        self,
        method: str,
        url: str,
        body: Any = None,
        fate: CallHooks | None = None,
        then: Callable[[Answer], Any] = lambda _: None,
        *,
        by: ApiClient | None = None,
        fine: frozenset[int] = FINE,
        **headers: str,
    ) -> None:
        """Make a client's request and check its status."""

        def arrived(answer: Answer) -> None:
            assert answer.status in fine, f"{answer.status} {answer.text}"
            part = url.split("?", maxsplit=1)[0].split("/")
            called = f" {part[-1]}" if "$" in part[-1] else ""
            self.seen[f"{method} {part[1]}{called} answered {answer.status}"] += 1
            then(answer)

        caller = by or self.clinic
        self.run(lambda: caller.call(method, url, body, **headers), fate, arrived)

    def answer(self, method: str, url: str, body: Any = None, **headers: Any) -> Answer:
        """Make a request that neither crashes nor sleeps."""
        answers: list[Answer] = []
        self.call(method, url, body, None, answers.append, **headers)
        return answers[0]

    def due(self) -> list[str]:
        return [encounter_id for _, encounter_id in steps.due_until(self.utc)]

    def look(self, encounter_id: str, fate: CallHooks | None = None) -> None:
        """Let a worker look at one Encounter."""
        self.run(
            lambda: due_encounters.close_or_postpone(TENANT, encounter_id, self.utc),
            fate,
            lambda look: self.seen.update([f"a worker looked: {look.value}"]),
        )

    def look_at_all(self) -> None:
        for encounter_id in self.due():
            self.look(encounter_id)

    def schedule(self, fate: CallHooks | None = None) -> None:
        """Run the schedule for a second that is over, since its event has no fractions."""
        moment = event(self.utc)
        self.run(
            lambda: int(closing_scheduler.handler(moment, None)["sent"]),
            fate,
            lambda sent: self.seen.update([f"schedule: {'sends' if sent else 'nothing to send'}"]),
        )

    def work(self, fate: CallHooks | None = None) -> bool:
        """Let a worker process messages of the queue. Return whether there were any."""
        records = self.receive()
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: _ENOUGH_MS)

        def deleted(answer: dict[str, Any]) -> None:
            assert not answer["batchItemFailures"], "an Encounter cannot be looked at"
            self.seen.update(["worker: messages done"])
            for record in records:
                self.delete(record)

        if records:
            self.run(lambda: closing_worker.handler({"Records": records}, context), fate, deleted)
        return bool(records)

    def check(self) -> None:
        """Check the tables as a whole."""
        consistency.check(closing_too=self.disturbed)

    def wait(self, **more: float) -> None:
        """Let time pass, and process what is due by then."""
        self.pass_time(**more)
        self.look_at_all()
        self.check()
