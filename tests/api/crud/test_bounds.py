"""Limits of time and size: no request exhausts a function, and nothing is lost."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared import deadlines
from shared.fhir import fhirjson
from shared.http import bundle_budget, payloads
from shared.store import dynamodb, transactions
from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.audit_pipeline import Log
from tests.support.bundles import batch, bundle, entry, statuses
from tests.support.steps import open_session


class Clock:
    """A clock that advances only by sleeping and by the stated duration of each call."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def uniform(self, _low: float, high: float) -> float:
        return high


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (deadlines, dynamodb, bundle_budget, transactions):
        monkeypatch.setattr(module, "time", made)
    for module in (dynamodb, transactions):
        monkeypatch.setattr(module, "random", made)
    return made


def called(caller: ApiClient, context: Any, *request: Any) -> Answer:
    handler, event = caller.handler_and_event(*request)
    answer = handler(event, context)
    return Answer(answer["statusCode"], answer["headers"], answer["body"])


def context(clock: Clock, seconds: float) -> SimpleNamespace:
    end = clock.seconds + seconds
    return SimpleNamespace(get_remaining_time_in_millis=lambda: int((end - clock.seconds) * 1000))


def busy(name: str) -> Callable[..., Any]:
    error: Any = {"Error": {"Code": "ThrottlingException", "Message": ""}}

    def refuse(**_: Any) -> None:
        raise ClientError(error, name)

    return refuse


ASKED: list[tuple[Any, ...]] = [
    ("GET", "/Encounter/{id}"),
    ("GET", "/Encounter?status=in-progress"),
    ("GET", "/Encounter/{id}/_history"),
    ("GET", "/Encounter/{id}/$everything"),
    ("POST", "/Encounter", care.session()),
    ("PUT", "/Encounter/{id}", care.session(id="{id}")),
    ("DELETE", "/Encounter/{id}"),
    ("POST", "", bundle("transaction", entry("POST", "Encounter", care.session()))),
]


@pytest.mark.parametrize("seconds", [28, 12, 3])
@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: f"{asked[0]} {asked[1]}")
def test_a_busy_table_ends_in_503_before_the_function_is_killed(
    clinic: ApiClient,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    asked: tuple[Any, ...],
) -> None:
    session_id = open_session(clinic)
    client, log = dynamodb.client(), Log(monkeypatch)
    for name in ("get_item", "query", "batch_get_item", "transact_write_items"):
        monkeypatch.setattr(client, name, busy(name))
    method, url, *body = json.loads(json.dumps(asked).replace("{id}", session_id))
    began = clock.seconds
    answer = called(clinic.administrator, context(clock, seconds), method, url, *body)
    assert answer.status == 503
    assert answer.headers["Retry-After"]
    assert clock.seconds - began <= max(seconds - deadlines.MARGIN_SECONDS + 1, 0)
    line = json.loads(log.lines[-1])
    assert line["status"] == 503
    assert "audit" in line


def test_reading_one_by_one_ends_when_the_time_is_over(
    clinic: ApiClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = open_session(clinic)
    client = dynamodb.client()
    get_item = client.get_item

    def slow(**request: Any) -> Any:
        clock.seconds += 2
        return get_item(**request)

    monkeypatch.setattr(client, "get_item", slow)
    reads = bundle("batch", *[entry("GET", f"Encounter/{session_id}")] * 100)
    answer = called(clinic, context(clock, 28), "POST", "", reads)
    found = [result["response"]["status"] for result in answer.body["entry"]]
    assert set(found) == {"200", "503"}
    assert found == sorted(found)


def test_a_call_with_time_left_succeeds(clinic: ApiClient, clock: Clock) -> None:
    session_id = open_session(clinic)
    answer = called(clinic, context(clock, 28), "GET", f"/Encounter/{session_id}")
    assert answer.status == 200


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_has_at_most_500_entries(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    log = Log(monkeypatch)
    answer = clinic.post("", bundle(kind, *[{}] * 501))
    refusals.check(answer, 413, "too-long", "Bundle.entry")
    assert len(log.deliver()) == 1


def test_unreadable_entries_leave_one_event(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(monkeypatch)
    assert set(statuses(batch(clinic, *[{}] * 100))) == {"400"}
    assert len(log.deliver()) == 2


def test_no_refusal_exceeds_the_size_of_an_answer(clinic: ApiClient) -> None:
    unknown = {f"{'x' * 1000}{number}": 1 for number in range(200)}
    answer = clinic.post("/Encounter", care.session() | unknown)
    assert answer.status == 400
    assert len(answer.body["issue"]) == 101
    wrong = entry("POST", "Encounter", care.session(type=[{"x": 1}] * 200))
    answer = clinic.post("", bundle("batch", *[wrong] * 100))
    assert len(json.dumps(answer.text)) < payloads.LARGEST_RESPONSE
    answer = clinic.get("/Encounter/1?" + "&".join(f"{'x' * 200}{n}=1" for n in range(5000)))
    assert (answer.status, len(answer.body["issue"])) == (400, 101)


def test_a_page_too_large_when_indented_is_not_indented(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = open_session(clinic)
    plain = clinic.get(f"/Encounter/{session_id}").text
    assert clinic.get(f"/Encounter/{session_id}?_pretty=true").text != plain
    monkeypatch.setattr(payloads, "LARGEST_RESPONSE", len(json.dumps(plain)) + 20)
    assert clinic.get(f"/Encounter/{session_id}?_pretty=true").text == plain


def test_a_read_too_large_to_answer_is_refused_and_a_written_resource_is_left_out(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = open_session(clinic)
    monkeypatch.setattr(payloads, "LARGEST_RESPONSE", 100)
    refusals.check(clinic.get(f"/Encounter/{session_id}"), 413, "too-long")
    answer = clinic.post("/Encounter", care.session())
    assert (answer.status, answer.text) == (201, "")
    assert answer.headers["ETag"]


def test_pages_are_measured_in_their_final_encoding(clinic: ApiClient) -> None:
    """A quote in JSON that is embedded as a string in other JSON takes four bytes."""
    for number in range(6):
        text = f"{number}" + '"' * 700_000
        answer = clinic.post("/Encounter", care.session(reasonCode=[{"text": text}]))
        assert answer.status == 201
    found, url = 0, "/Encounter?_pretty=true"
    while url:
        answer = clinic.get(url)
        assert answer.status == 200
        assert len(json.dumps(answer.text, ensure_ascii=False).encode()) < 6_000_000
        found += len(answer.body["entry"])
        links = {link["relation"]: link["url"] for link in answer.body["link"]}
        url = links.get("next", "")
    assert found == 6


def test_a_resource_too_large_for_any_page_is_413(clinic: ApiClient) -> None:
    texts = [{"text": '"' * 950_000}] * 2
    answer = clinic.post("/Encounter", care.session(reasonCode=texts))
    refusals.check(answer, 413, "too-long")


def test_the_size_of_json_within_json_is_that_of_its_characters() -> None:
    for value in ({"a": 'x"y\\z\n'}, ["\u00e9", {}], {"a": {"b": [1, "2"]}}):
        for text in (fhirjson.dumps(value), fhirjson.indented(fhirjson.dumps(value))):
            sent = json.dumps(text.decode(), ensure_ascii=False).encode()
            assert fhirjson.sent_size(text) == len(sent) - len('""')
