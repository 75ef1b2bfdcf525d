"""Many requests at once, killed in the middle, or throttled: nothing is lost or left half done."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from shared.store import dynamodb, queues, transactions
from tests.support import care, consistency
from tests.support.api_client import Answer, ApiClient
from tests.support.steps import end, link, messages_of, open_session, post, thread

pytestmark = pytest.mark.usefixtures("function_environment")
CALLERS = 50
# The limit of operations in a transaction, low enough for a closing with three children to take
# several: each kind of step occurs more than once, with a third of the calls to be killed at.
FEW = 40


def at_once(*calls: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_fifty_concurrent_writers_with_if_match_lose_no_change(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    url, statuses = f"/Communication/{header_id}", Counter[int]()

    def note(number: int) -> Answer:
        while True:
            body = clinic.get(url).body
            place = "/note/-" if "note" in body else "/note"
            text = {"text": f"Note {number}"}
            change = [{"op": "add", "path": place, "value": text if "note" in body else [text]}]
            answer = clinic.patch(url, change, if_match=f'W/"{body["meta"]["versionId"]}"')
            statuses[answer.status] += 1
            if answer.status == 200:
                return answer

    at_once(*(lambda number=number: note(number) for number in range(CALLERS)))
    notes = {annotation["text"] for annotation in clinic.get(url).body["note"]}
    assert notes == {f"Note {number}" for number in range(CALLERS)}
    assert set(statuses) == {200, 412}
    consistency.check()


def test_fifty_concurrent_patches_without_if_match_are_all_applied(clinic: ApiClient) -> None:
    header_id = clinic.post("/Communication", care.header(note=[{"text": "First"}])).id
    url = f"/Communication/{header_id}"
    change = [{"op": "add", "path": "/note/-", "value": {"text": "More"}}]
    answers = at_once(*[lambda: clinic.patch(url, change)] * CALLERS)
    assert {answer.status for answer in answers} == {200}
    assert len(clinic.get(url).body["note"]) == CALLERS + 1
    consistency.check()


@pytest.mark.parametrize("linked", [True, False])
def test_fifty_concurrent_messages_are_all_stored(clinic: ApiClient, linked: bool) -> None:
    session_id = open_session(clinic)
    header_id, _ = thread(clinic)
    if linked:
        link(clinic, header_id, session_id)
    bodies = [
        care.message(header_id, f"2026-11-20T09:{(number * 7) % 60:02}:00Z")
        for number in range(CALLERS)
    ]
    answers = at_once(*(lambda body=body: clinic.post("/Communication", body) for body in bodies))
    assert {answer.status for answer in answers} == {201}
    if not linked:
        link(clinic, header_id, session_id)
    url = f"/Communication?session=Encounter/{session_id}&_count=100"
    assert set(clinic.get(url).ids) == {answer.id for answer in answers}
    clinic.patch(
        f"/Encounter/{session_id}", [{"op": "replace", "path": "/status", "value": "finished"}]
    )
    period = clinic.get(f"/Encounter/{session_id}").body["period"]
    assert period == {"start": "2026-11-20T09:00:00.000Z", "end": "2026-11-20T09:59:00.000Z"}
    consistency.check()


def test_concurrent_messages_links_and_a_closing_end_consistently(clinic: ApiClient) -> None:
    session_id, other_id = open_session(clinic), open_session(clinic)
    header_id, ids = thread(clinic, "2026-11-20T09:00:00Z")
    finish = [{"op": "replace", "path": "/status", "value": "finished"}]
    message = care.message(header_id, "2026-11-20T10:00:00Z")
    answers = at_once(
        *[lambda: clinic.post("/Communication", message)] * 10,
        lambda: clinic.patch(f"/Communication/{header_id}", care.link(session_id)),
        lambda: clinic.patch(f"/Communication/{header_id}", care.link(other_id)),
        lambda: clinic.patch(f"/Encounter/{session_id}", finish),
        lambda: clinic.patch(f"/Communication/{ids[0]}", _retraction()),
    )
    assert {answer.status for answer in answers} <= {200, 201}
    consistency.check()
    for encounter_id in (session_id, other_id):
        clinic.patch(f"/Encounter/{encounter_id}", finish)
    assert not set(messages_of(clinic, session_id)) & set(messages_of(clinic, other_id))
    consistency.check()


def _retraction() -> list[dict[str, Any]]:
    return [{"op": "replace", "path": "/status", "value": "entered-in-error"}]


def test_one_of_many_concurrent_puts_creates_and_the_others_update(clinic: ApiClient) -> None:
    body = care.session(id="the-one")
    answers = at_once(*[lambda: clinic.put("/Encounter/the-one", body)] * 20)
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 19}
    assert clinic.get("/Encounter/the-one").version == "1"
    consistency.check()


class Killed(BaseException):
    """The process is gone. Nothing catches this."""


@contextmanager
def killed(moment: str, number: int, service: str = "dynamodb") -> Iterator[None]:
    """Kill the process at its n-th call to DynamoDB or SQS, just before or just after it."""
    calls = 0

    def kill(**_: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            raise Killed

    events = (dynamodb.client() if service == "dynamodb" else queues.client()).meta.events
    events.register(f"{moment}-call.{service}", kill)
    try:
        yield
    finally:
        events.unregister(f"{moment}-call.{service}", kill)


def _create(clinic: ApiClient) -> Callable[[], Answer]:
    return lambda: clinic.post("/Encounter", care.session())


def _message(clinic: ApiClient) -> Callable[[], Answer]:
    header_id, _ = thread(clinic)
    link(clinic, header_id, open_session(clinic))
    return lambda: clinic.post("/Communication", care.message(header_id))


def _link(clinic: ApiClient) -> Callable[[], Answer]:
    header_id, _ = thread(clinic, "2026-11-20T09:00:00Z")
    session_id, other_id = open_session(clinic), open_session(clinic)
    link(clinic, header_id, other_id)
    return lambda: clinic.patch(f"/Communication/{header_id}", care.link(session_id))


def _move(clinic: ApiClient) -> Callable[[], Answer]:
    _, ids = thread(clinic, "2026-11-20T09:00:00Z")
    change = [{"op": "replace", "path": "/sent", "value": "2026-11-20T10:00:00Z"}]
    return lambda: clinic.patch(f"/Communication/{ids[0]}", change)


def _retract(clinic: ApiClient) -> Callable[[], Answer]:
    header_id, ids = thread(clinic, "2026-11-20T09:00:00Z", "2026-11-20T09:30:00Z")
    session_id = open_session(clinic)
    link(clinic, header_id, session_id)
    end(clinic, session_id)
    return lambda: clinic.patch(f"/Communication/{ids[0]}", _retraction())


def _close(clinic: ApiClient) -> Callable[[], Answer]:
    """Close a session that does not fit one transaction of `FEW` operations."""
    session_id = open_session(clinic)
    thread(clinic, "2026-11-20T09:00:00Z", encounter=care.reference(f"Encounter/{session_id}"))
    for number in range(3):
        clinic.post("/Encounter", care.medical_encounter(session_id, f"Patient/{number}"))
    finished = care.session("finished", id=session_id)
    return lambda: clinic.put(f"/Encounter/{session_id}", finished)


def _delete(clinic: ApiClient) -> Callable[[], Answer]:
    session_id = open_session(clinic)
    thread(clinic, "2026-11-20T09:00:00Z", encounter=care.reference(f"Encounter/{session_id}"))
    return lambda: clinic.administrator.delete(f"/Encounter/{session_id}")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("scene", [_create, _message, _link, _move, _retract, _close, _delete])
def test_a_process_killed_at_any_call_leaves_nothing_half_done(
    clinic: ApiClient,
    scene: Callable[[ApiClient], Callable[[], Answer]],
    moment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if scene is _close:
        monkeypatch.setattr(transactions, "MOST_ITEMS", FEW)
    for number in range(1, 100):
        request = scene(clinic)
        try:
            with killed(moment, number):
                answer = request()
        except Killed:
            consistency.check(closing_too=scene is _close)
            assert request().status in (200, 201, 204), f"after call {number}"
            consistency.check()
        else:
            assert answer.status in (200, 201, 204)
            assert number > 1
            return
    pytest.fail("the request never ends")


def _refusal(code: str, *reasons: str) -> AWSResponse:
    listed = ", ".join(f'{{"Code": "{reason}"}}' for reason in reasons)
    body = f'{{"__type": "x#{code}", "message": "x", "CancellationReasons": [{listed}]}}'
    return AWSResponse("http://x", 400, HTTPHeaders(), _Body(body.encode()))


class _Body(BytesIO):
    """A body as botocore reads it."""

    def stream(self) -> Iterator[bytes]:
        yield self.getvalue()


@contextmanager
def refused(times: int, response: AWSResponse) -> Iterator[None]:
    """Make DynamoDB refuse the next transactions."""
    responses = [response] * times

    def answer(**_: Any) -> AWSResponse | None:
        return responses.pop() if responses else None

    events = dynamodb.client().meta.events
    events.register("before-send.dynamodb.TransactWriteItems", answer)
    try:
        yield
    finally:
        events.unregister("before-send.dynamodb.TransactWriteItems", answer)


@pytest.mark.parametrize(
    "response",
    [
        _refusal("TransactionCanceledException", "None", "TransactionConflict"),
        _refusal("TransactionCanceledException", "ThrottlingError", "None"),
        _refusal("TransactionCanceledException", "ProvisionedThroughputExceeded"),
        _refusal("ProvisionedThroughputExceededException"),
        _refusal("ThrottlingException"),
        _refusal("TransactionInProgressException"),
        _refusal("InternalServerError"),
    ],
)
def test_a_busy_database_is_retried(clinic: ApiClient, response: AWSResponse) -> None:
    with refused(3, response):
        assert clinic.post("/Encounter", care.session()).status == 201
    consistency.check()


def test_a_database_that_stays_busy_is_503_with_retry_after(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "CHANGE_PATIENCE_SECONDS", 0.2)
    response = _refusal("TransactionCanceledException", "TransactionConflict")
    with refused(1000, response):
        answer = clinic.post("/Encounter", care.session())
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert clinic.get("/Encounter?patient=Patient/homer-simpson").ids == []


def test_a_created_resource_is_found_by_the_next_search(clinic: ApiClient) -> None:
    for _ in range(20):
        session_id = open_session(clinic)
        assert session_id in clinic.get("/Encounter?patient=Patient/homer-simpson&_count=100").ids
        header_id, (message_id,) = thread(clinic, "2026-11-20T09:00:00Z")
        assert header_id in clinic.get("/Communication?part-of:missing=true&_count=100").ids
        assert clinic.get(f"/Communication?part-of=Communication/{header_id}").ids == [message_id]
        post(clinic, header_id)
