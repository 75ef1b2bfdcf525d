"""Sessions on an engine with real concurrency: exactly one is opened, and no request fails."""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import settings
from shared.fhir import instants
from shared.sessions import due_encounters
from shared.store import transactions
from tests.integration.closing import Rounds
from tests.integration.test_at_once import Killed, at_once, killed
from tests.support import care, consistency, session_invariants
from tests.support.api_client import Answer, ApiClient
from tests.support.snapshot import Snapshot, take_snapshot_of_tables
from tests.support.steps import due_until, thread

pytestmark = pytest.mark.usefixtures("function_environment")
MESSAGES, CALLERS = 100, 20
type Say = Callable[..., None]


@pytest.fixture
def say(function_environment: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Say]:
    """Yield a function that sets the deployment's session settings."""
    del function_environment

    def set_it(**said: str) -> None:
        for name, value in said.items():
            monkeypatch.setenv(name, value)
        settings.settings.cache_clear()

    yield set_it
    settings.settings.cache_clear()


def check(*, closing_too: bool = False) -> Snapshot:
    """Check the tables as a whole and the invariants of sessions. Return the snapshot."""
    consistency.check(closing_too=closing_too)
    snapshot = take_snapshot_of_tables()
    session_invariants.check(snapshot, snapshot)
    return snapshot


def posting(clinic: ApiClient, header_id: str, seconds_ago: int = 0) -> Callable[[], Answer]:
    sent = instants.to_text(instants.now() - timedelta(seconds=seconds_ago))
    return lambda: clinic.post("/Communication", care.message(header_id, sent))


def only_session(snapshot: Snapshot, answers: list[Answer]) -> str:
    """Return the id of the only session, which has all these messages."""
    assert {answer.status for answer in answers} == {201}
    session_ids = {snapshot.session(snapshot.messages[answer.id]) for answer in answers}
    (session_id,) = session_ids
    assert list(snapshot.encounters) == [session_id]
    return session_id


def test_a_hundred_concurrent_messages_open_one_session_of_their_thread(
    clinic: ApiClient, say: Say
) -> None:
    say(SESSION_POLICY="thread")
    header_id, _ = thread(clinic)
    ago = random.sample(range(3600), MESSAGES)
    answers = at_once(*(posting(clinic, header_id, seconds) for seconds in ago))
    snapshot = check()
    session = snapshot.encounters[only_session(snapshot, answers)]
    first = min(answer.body["sent"] for answer in answers)
    assert session.resource["period"] == {"start": first}


def test_a_hundred_concurrent_messages_on_ten_threads_open_one_session_of_a_patients_day(
    clinic: ApiClient, say: Say
) -> None:
    say(SESSION_POLICY="daily", SESSION_SCOPE="patient")
    threads = [thread(clinic)[0] for _ in range(10)]
    calls = [posting(clinic, threads[number % 10]) for number in range(MESSAGES)]
    answers = at_once(*calls)
    only_session(check(), answers)


def look_at_all(until: datetime) -> None:
    for tenant, encounter_id in due_until(until):
        due_encounters.close_or_postpone(tenant, encounter_id, until)


def test_messages_that_race_with_several_closing_workers_keep_their_sessions(
    clinic: ApiClient, say: Say
) -> None:
    """Sessions become due repeatedly, and every message must be in one that has its period."""
    say(SESSION_POLICY="thread")
    threads = [thread(clinic)[0] for _ in range(4)]
    chance = random.Random(4)
    later = instants.now() + timedelta(days=3)

    def someone(number: int) -> list[int]:
        if number % 5 == 0:
            for _ in range(8):
                look_at_all(later)
            return []
        return [posting(clinic, chance.choice(threads), number)().status for _ in range(8)]

    with ThreadPoolExecutor(CALLERS) as pool:
        results = list(pool.map(someone, range(CALLERS)))
    statuses = [status for result in results for status in result]
    assert set(statuses) == {201}
    look_at_all(later)
    snapshot = check()
    assert len(snapshot.messages) == len(statuses)
    assert {session_invariants.status(encounter) for encounter in snapshot.encounters.values()} == {
        "finished"
    }


def _large(clinic: ApiClient, **more: Any) -> tuple[str, str]:
    """Open a session that does not close in one transaction. Return its thread and its id."""
    header_id, (message_id,) = thread(clinic, instants.to_text(instants.now()), **more)
    session_id = take_snapshot_of_tables().messages[message_id].session
    for number in range(3):
        child = care.medical_encounter(session_id, f"Patient/{number}")
        assert clinic.post("/Encounter", child).status == 201
    return header_id, session_id


def _by_hand(clinic: ApiClient) -> Callable[[], object]:
    _, session_id = _large(clinic)
    finished = clinic.get(f"/Encounter/{session_id}").body | {"status": "finished"}
    return lambda: clinic.put(f"/Encounter/{session_id}", finished)


def _by_a_worker(clinic: ApiClient) -> Callable[[], object]:
    _large(clinic)
    later = instants.now() + timedelta(days=3)
    return lambda: look_at_all(later)


def _by_a_completed_header(clinic: ApiClient) -> Callable[[], object]:
    header_id, _ = _large(clinic)
    change = [{"op": "replace", "path": "/status", "value": "completed"}]
    return lambda: clinic.patch(f"/Communication/{header_id}", change)


def _by_a_link_elsewhere(clinic: ApiClient) -> Callable[[], object]:
    header_id, _ = _large(clinic)
    other_session = clinic.post("/Encounter", care.session()).id
    return lambda: clinic.patch(f"/Communication/{header_id}", care.link(other_session))


@pytest.mark.parametrize(
    ("scene", "moment"),
    [
        (_by_hand, "before"),
        (_by_a_worker, "before"),
        (_by_a_completed_header, "after"),
        (_by_a_link_elsewhere, "before"),
    ],
)
def test_a_closing_killed_between_its_steps_is_completed_by_the_next_request(
    clinic: ApiClient,
    say: Say,
    monkeypatch: pytest.MonkeyPatch,
    scene: Callable[[ApiClient], Callable[[], object]],
    moment: str,
) -> None:
    say(SESSION_POLICY="thread")
    monkeypatch.setattr(transactions, "MOST_ITEMS", 40)
    for number in range(2, 100, 4):
        request = scene(clinic)
        try:
            with killed(moment, number):
                request()
        except Killed:
            check(closing_too=True)
            request()
            look_at_all(instants.now())
            check()
        else:
            assert number > 8
            return
    pytest.fail("the closing never ends")


@pytest.mark.parametrize("service", ["sqs", "dynamodb"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_next_run_completes_a_schedule_or_worker_killed_at_any_call(
    clinic: ApiClient, say: Say, rounds: Rounds, moment: str, service: str
) -> None:
    """This includes a scheduler killed after it has sent everything."""
    say(SESSION_POLICY="thread")
    later = instants.now() + timedelta(days=3)
    for number in range(1, 100):
        thread(clinic, instants.to_text(instants.now()))
        try:
            with killed(moment, number, service):
                rounds.run(later)
        except Killed:
            check()
            rounds.drain()
            rounds.run(later)
        else:
            assert number > 2
            return
        snapshot = check()
        assert {
            session_invariants.status(encounter) for encounter in snapshot.encounters.values()
        } == {"finished"}
    pytest.fail("the run never ends")


def test_an_earlier_start_left_to_the_closer_survives_a_kill_at_any_call(
    clinic: ApiClient, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that is too large for one transaction marks the session as dirty for the closer."""
    say(SESSION_POLICY="thread")
    for number in range(1, 100):
        header_id, (first,) = thread(clinic, instants.to_text(instants.now()))
        session_id = take_snapshot_of_tables().messages[first].session
        early = posting(clinic, header_id, seconds_ago=600)
        try:
            with monkeypatch.context() as small, killed("before", number):
                small.setattr(transactions, "MOST_ITEMS", 16)
                message = early()
        except Killed:
            message = early()
        else:
            assert number > 2
            assert take_snapshot_of_tables().encounters[session_id].figures.dirty
            look_at_all(instants.now() + timedelta(days=3))
            start = check().encounters[session_id].resource["period"]["start"]
            assert start == message.body["sent"]
            return
        assert message.status == 201
        look_at_all(instants.now() + timedelta(days=3))
        start = check().encounters[session_id].resource["period"]["start"]
        assert start == message.body["sent"]
    pytest.fail("the message never arrives")
