"""Sessions that close by themselves: schedule, queue and workers on the engine."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import settings
from shared.errors import Transient
from shared.fhir import instants
from shared.sessions import due_encounters, due_queue
from shared.store import meter, queues
from shared.store.operations import DUE_SHARDS
from tests.integration.closing import Rounds
from tests.support import consistency
from tests.support.api_client import ApiClient
from tests.support.clock import set_clock
from tests.support.steps import open_session, post, thread

pytestmark = pytest.mark.usefixtures("function_environment")

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class Clock:
    """The current time."""

    now: datetime = NINE


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    set_clock(monkeypatch, lambda: fake.now)
    return fake


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    def choose(name: str, **more: str) -> None:
        for variable, value in {"SESSION_POLICY": name, **more}.items():
            monkeypatch.setenv(variable, value)
        settings.settings.cache_clear()

    yield choose
    settings.settings.cache_clear()


def session_of(clinic: ApiClient, header_id: str) -> dict[str, Any]:
    link = clinic.get(f"/Communication/{header_id}").body["encounter"]["reference"]
    encounter: dict[str, Any] = clinic.get(f"/{link}").body
    return encounter


def state(clinic: ApiClient, header_id: str) -> tuple[str, str, str]:
    session = session_of(clinic, header_id)
    period = session["period"]
    return session["status"], period["start"], period.get("end", "")


def test_a_run_with_nothing_due_reads_one_page_of_each_shard_and_sends_nothing(
    clinic: ApiClient, rounds: Rounds, database: Any, tables: dict[str, str]
) -> None:
    open_session(clinic)
    for start in range(0, 2000, 25):
        rows = [
            {"pk": {"S": f"due#{n % DUE_SHARDS}"}, "sk": {"S": f"2026-12-01T00:00:00.000Z#-#{n}"}}
            for n in range(start, start + 25)
        ]
        puts = [{"PutRequest": {"Item": row}} for row in rows]
        database.batch_write_item(RequestItems={tables["SearchTable"]: puts})
    assert rounds.schedule(NINE) == 0
    assert meter.consumed() == {"calls": DUE_SHARDS, "readUnits": DUE_SHARDS, "writeUnits": 0}
    assert rounds.waiting() == 0


def test_the_session_of_an_idle_thread_closes_with_the_period_of_its_messages(
    clinic: ApiClient, rounds: Rounds, clock: Clock, policy: Callable[..., None]
) -> None:
    policy("thread")
    header_id, _ = thread(clinic, "2026-11-20T08:40:00Z", "2026-11-20T08:52:30Z")
    clock.now = NINE + DAY - HOUR
    assert rounds.run(clock.now) == 0
    clock.now = NINE + DAY
    assert rounds.run(clock.now) == 1
    begin, end = "2026-11-20T08:40:00.000Z", "2026-11-20T08:52:30.000Z"
    assert state(clinic, header_id) == ("finished", begin, end)
    assert session_of(clinic, header_id)["length"]["value"] == 12
    consistency.check()


def test_a_daily_session_closes_after_midnight_within_the_spread(
    clinic: ApiClient, rounds: Rounds, clock: Clock, policy: Callable[..., None]
) -> None:
    policy("daily")
    header_ids = [thread(clinic, "2026-11-20T08:40:00Z")[0] for _ in range(10)]
    clock.now = MIDNIGHT - timedelta(seconds=2)
    assert rounds.run(clock.now) == 0
    clock.now = MIDNIGHT + timedelta(minutes=15)
    early = rounds.run(clock.now)
    assert 0 < early < 10
    clock.now = MIDNIGHT + timedelta(minutes=30)
    assert rounds.run(clock.now) == 10 - early
    assert {state(clinic, header_id)[0] for header_id in header_ids} == {"finished"}
    consistency.check()


def test_without_a_spread_a_daily_session_closes_at_midnight(
    clinic: ApiClient, rounds: Rounds, clock: Clock, policy: Callable[..., None]
) -> None:
    policy("daily", CLOSE_SPREAD_MINUTES="0")
    header_id, _ = thread(clinic, "2026-11-20T08:40:00Z")
    clock.now = MIDNIGHT
    assert rounds.run(clock.now) == 1
    assert state(clinic, header_id)[0] == "finished"


def test_a_continued_thread_is_looked_at_again_when_it_would_be_idle(
    clinic: ApiClient, rounds: Rounds, clock: Clock, policy: Callable[..., None]
) -> None:
    policy("thread")
    header_id, _ = thread(clinic, "2026-11-20T08:40:00Z")
    clock.now = NINE + 12 * HOUR
    post(clinic, header_id, "2026-11-20T21:00:00Z")
    clock.now = NINE + DAY
    assert rounds.run(clock.now) == 1
    assert state(clinic, header_id)[0] == "in-progress"
    assert rounds.run(clock.now) == 0
    clock.now = NINE + DAY + 12 * HOUR
    assert rounds.run(clock.now) == 1
    assert state(clinic, header_id)[0] == "finished"
    consistency.check()


def test_repeated_runs_and_repeated_queue_messages_change_nothing(
    clinic: ApiClient, rounds: Rounds, clock: Clock, policy: Callable[..., None]
) -> None:
    policy("thread")
    header_id, _ = thread(clinic, "2026-11-20T08:40:00Z")
    clock.now = NINE + DAY
    assert rounds.schedule(clock.now) == 1
    records = rounds.receive()
    assert rounds.handle(records) == []
    closed = session_of(clinic, header_id)
    clock.now += HOUR
    assert rounds.work(records) == []
    assert meter.consumed()["writeUnits"] == 0
    assert rounds.run(clock.now) == 0
    assert session_of(clinic, header_id) == closed


def test_nothing_is_sent_while_the_queue_has_messages(
    clinic: ApiClient, rounds: Rounds, clock: Clock, policy: Callable[..., None]
) -> None:
    policy("thread")
    thread(clinic, "2026-11-20T08:40:00Z")
    clock.now = NINE + DAY
    assert rounds.schedule(clock.now) == 1
    assert rounds.schedule(clock.now) == 0
    assert rounds.waiting() == 1


def test_a_run_is_bounded_and_the_next_takes_the_rest(
    clinic: ApiClient,
    rounds: Rounds,
    clock: Clock,
    policy: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy("thread")
    monkeypatch.setattr(due_queue, "MAX_ROWS_PER_SHARD", 1)
    for _ in range(20):
        thread(clinic, "2026-11-20T08:40:00Z")
    clock.now = NINE + DAY
    runs = [rounds.run(clock.now) for _ in range(20)]
    assert max(runs) <= DUE_SHARDS
    assert sum(runs) == 20
    assert runs[-1] == 0


def test_a_run_fails_if_the_queue_refuses_its_messages(
    clinic: ApiClient,
    rounds: Rounds,
    clock: Clock,
    policy: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy("thread")
    thread(clinic, "2026-11-20T08:40:00Z")
    clock.now = NINE + DAY
    refusing = type("Refusing", (), {"send_message_batch": lambda *_, **__: {"Failed": ["all"]}})
    with monkeypatch.context() as patch:
        patch.setattr(queues, "approximate_length", lambda _: 0)
        patch.setattr(queues, "client", refusing)
        with pytest.raises(Exception, match="did not take"):
            rounds.schedule(clock.now)
    assert rounds.run(clock.now) == 1


def test_an_unreadable_encounter_delays_no_other_and_becomes_a_dead_letter(  # noqa: PLR0917 - fixtures
    clinic: ApiClient,
    rounds: Rounds,
    clock: Clock,
    policy: Callable[..., None],
    database: Any,
    tables: dict[str, str],
) -> None:
    policy("thread")
    header_ids = [thread(clinic, "2026-11-20T08:40:00Z")[0] for _ in range(25)]
    poisoned = session_of(clinic, header_ids.pop(7))["id"]
    database.update_item(
        TableName=tables["EncounterTable"],
        Key={"pk": {"S": f"-#{poisoned}"}, "sk": {"S": "current"}},
        UpdateExpression="SET #resource = :garbage",
        ExpressionAttributeNames={"#resource": "resource"},
        ExpressionAttributeValues={":garbage": {"B": b"\xff\xff"}},
    )
    clock.now = NINE + DAY
    assert rounds.schedule(clock.now) == 25
    (record,) = rounds.receive()
    assert rounds.work([record]) == [record["messageId"]]
    assert {state(clinic, header_id)[0] for header_id in header_ids} == {"finished"}
    rounds.drain()
    assert rounds.waiting(dead=True) == 1
    assert (
        rounds.schedule(clock.now + timedelta(minutes=1)) == 0
    )  # a dead letter each hour, not each minute
    assert rounds.schedule(clock.now + HOUR) == 1
    assert poisoned in rounds.sqs.receive_message(QueueUrl=rounds.dead_url)["Messages"][0]["Body"]


def test_a_worker_that_runs_out_of_time_leaves_the_rest_for_a_retry(
    clinic: ApiClient, rounds: Rounds, clock: Clock, policy: Callable[..., None]
) -> None:
    policy("thread")
    header_id, _ = thread(clinic, "2026-11-20T08:40:00Z")
    clock.now = NINE + DAY
    rounds.schedule(clock.now)
    rounds.milliseconds = 1000
    assert len(rounds.work(rounds.receive())) == 1
    assert state(clinic, header_id)[0] == "in-progress"
    rounds.milliseconds = 60_000
    rounds.drain()
    assert state(clinic, header_id)[0] == "finished"


def test_the_cost_of_a_run_is_proportional_to_what_is_due(
    clinic: ApiClient, rounds: Rounds, clock: Clock, policy: Callable[..., None]
) -> None:
    policy("thread")
    for _ in range(50):
        open_session(clinic)
    costs = []
    for number in (1, 2, 4):
        for _ in range(number):
            thread(clinic, instants.to_text(clock.now))
        clock.now += DAY
        assert rounds.schedule(clock.now) == number
        assert meter.consumed()["readUnits"] == DUE_SHARDS + 1  # one for the held Encounters
        rounds.work(rounds.receive())
        costs.append(meter.consumed())
    for name in ("calls", "writeUnits"):
        assert costs[1][name] == 2 * costs[0][name]
        assert costs[2][name] == 4 * costs[0][name]


def test_a_run_uses_the_time_of_its_event(
    clinic: ApiClient, rounds: Rounds, policy: Callable[..., None]
) -> None:
    policy("thread")
    header_id, _ = thread(clinic, "2026-11-20T08:40:00Z")
    assert rounds.run(NINE + DAY) == 1
    assert state(clinic, header_id)[0] == "finished"


def test_figures_are_written_by_policy(
    clinic: ApiClient,
    rounds: Rounds,
    clock: Clock,
    policy: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy("thread")
    thread(clinic, "2026-11-20T08:40:00Z")
    clock.now = NINE + DAY + timedelta(minutes=2)
    rounds.run(clock.now)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [without_stamp(line) for line in lines] == [
        {"Policy": "thread", "SessionsOpened": [1]},
        {"Policy": "any", "OldestDue": [121]},
        {"Policy": "thread", "SessionsClosed": [1], "ClosingLag": [121]},
    ]


def without_stamp(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line's figures, which must be those that its directive announces."""
    (directive,) = line.pop("_aws")["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["Policy", "service"]]
    del line["service"]
    assert {metric["Name"] for metric in directive["Metrics"]} == line.keys() - {"Policy"}
    return line


def test_an_encounter_skipped_under_load_is_sent_by_the_next_run(
    clinic: ApiClient,
    rounds: Rounds,
    clock: Clock,
    policy: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy("thread")
    header_id, _ = thread(clinic, "2026-11-20T08:40:00Z")
    clock.now = NINE + DAY
    with monkeypatch.context() as busy:
        busy.setattr(due_encounters, "close_or_postpone", refuse)
        assert rounds.schedule(clock.now) == 1
        rounds.drain()
    assert rounds.waiting(dead=True) == 1
    assert rounds.run(clock.now + timedelta(minutes=1)) == 1
    assert state(clinic, header_id)[0] == "finished"


def refuse(*_: object) -> None:
    raise Transient("The database is busy")
