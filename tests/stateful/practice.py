"""What a practice does with the service, wherever that runs: requests, time, schedule, workers."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from functions import closing_scheduler, closing_worker
from shared.fhir import instants
from shared.local.schedule import event
from shared.sessions import due
from tests import consistency, steps
from tests.database import Fate
from tests.frontdoor import Answer, FrontDoor
from tests.picture import Picture

BERLIN = instants.zone("Europe/Berlin")
# What may be answered; a message is refused for less, see `Messages._post`.
FINE = frozenset({200, 201, 204, 404, 410, 412, 422})
_ENOUGH_MS = 60_000
NOON = "2026-03-02 12:00"


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


class Practice:
    """One deployment and its clock; `picture` is what the tables last said."""

    def __init__(self, now: datetime, seen: Counter[str]) -> None:
        self.now, self.clinic, self.seen = now, FrontDoor(role="admin"), seen
        self.picture = Picture()
        self.disturbed = False
        self.asleep: list[Any] = []
        self.violation: AssertionError | None = None

    def run[T](
        self,
        call: Callable[[], T],
        fate: Fate | None = None,
        then: Callable[[T], Any] = lambda _: None,
    ) -> None:
        """Make a request; `then` gets what it gives, unless its process ends before."""
        raise NotImplementedError

    def receive(self) -> list[dict[str, Any]]:
        """Take some messages of the queue, as a worker's event source does."""
        raise NotImplementedError

    def delete(self, record: dict[str, Any]) -> None:
        """Delete a message that is done."""
        raise NotImplementedError

    def rouse(self) -> None:
        """Let every request that sleeps go on."""

    def close(self) -> None:
        """Leave everything as it was."""

    def is_gone(self, header_id: str) -> bool:
        """Tell whether a header may be deleted: its thread takes no message then."""
        return self.picture.headers[header_id].deleted

    @property
    def utc(self) -> datetime:
        return self.now.astimezone(UTC)

    def pass_time(self, **more: float) -> None:
        """Let time pass as it does, not as a wall clock shows it."""
        self.now = (self.utc + timedelta(**more)).astimezone(BERLIN)

    def wait_until(self, moment: datetime) -> None:
        self.now = max(self.now, moment, key=lambda now: now.timestamp())

    def call(
        self,
        method: str,
        url: str,
        body: Any = None,
        fate: Fate | None = None,
        then: Callable[[Answer], Any] = lambda _: None,
        *,
        by: FrontDoor | None = None,
        fine: frozenset[int] = FINE,
        **headers: str,
    ) -> None:
        """Make a request of a client's, and hold its answer against what may be answered."""

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

    def schedule(self, fate: Fate | None = None) -> None:
        """Run the schedule; of a second that is over, since its event says no smaller part."""
        moment = event(self.utc)
        self.run(
            lambda: int(closing_scheduler.handler(moment, None)["sent"]),
            fate,
            lambda sent: self.seen.update([f"schedule: {'sends' if sent else 'nothing to send'}"]),
        )

    def work(self, fate: Fate | None = None) -> bool:
        """Let a worker do some messages of the queue; tell whether there were any."""
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
        """Look at the tables as a whole."""
        consistency.check(closing_too=self.disturbed)

    def wait(self, **more: float) -> None:
        """Let time pass, and what is due by then be looked at."""
        self.pass_time(**more)
        self.look_at_all()
        self.check()
