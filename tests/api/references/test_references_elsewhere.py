"""`ReferenceChecks=remote`: people are looked up on another FHIR server, which runs locally."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from cachetools import TTLCache

from shared.references import remote as asking
from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.bundles import entry, statuses, transact
from tests.support.consistency import stored_items
from tests.support.other_server import Answer, Handler, OtherServer, run_server
from tests.support.practice import Practice

LINDA, CONDITION = "Patient/linda-belcher", "Encounter.diagnosis[0].condition.reference"
DEVICE = [{"url": "https://e.example/pump", "valueReference": care.reference("Device/pump")}]


@dataclass(frozen=True)
class Both:
    """This service and the other server, which has two people."""

    practice: Practice
    other: OtherServer

    @property
    def clinic(self) -> ApiClient:
        return self.practice.clinic


@pytest.fixture
def servers(practice: Practice) -> Iterator[Both]:
    with run_server() as other:
        other.resources |= {care.HOMER, care.ALICE}
        practice.configure(REFERENCE_CHECKS="remote", REFERENCE_BASE_URL=other.base)
        yield Both(practice, other)


def lookups(*references: str) -> list[str]:
    return sorted(f"/fhir/{reference}?_elements=id" for reference in references)


def test_a_known_person_is_looked_up_once(servers: Both) -> None:
    for _ in range(2):
        assert servers.clinic.post("/Encounter", care.session()).status == 201
    assert servers.other.paths == lookups(care.HOMER, care.ALICE)
    headers = {name.lower(): value for name, value in servers.other.requests[0][1].items()}
    assert headers["accept"] == "application/fhir+json"
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("most", "seconds", "again"), [(2, 0, [care.HOMER, care.ALICE]), (1, 300, [""])]
)
def test_lookups_are_cached_for_a_limited_time_and_number(
    servers: Both, monkeypatch: pytest.MonkeyPatch, most: int, seconds: int, again: list[str]
) -> None:
    assert (asking._known.maxsize, asking._known.ttl) == (2000, 300)
    monkeypatch.setattr(asking, "_known", TTLCache(most, seconds))
    servers.clinic.post("/Encounter", care.session())
    servers.other.requests.clear()
    servers.clinic.post("/Encounter", care.session())
    assert len(servers.other.requests) == len(again)
    assert all(any(own_id in path for own_id in again) for path in servers.other.paths)


def test_the_people_named_by_a_write_are_not_logged(
    servers: Both, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    servers.other.resources.remove(care.HOMER)
    assert servers.clinic.post("/Encounter", care.session()).status == 422
    assert caplog.records
    assert "homer" not in caplog.text + capsys.readouterr().out


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_person_is_named_and_looked_up_again(servers: Both, status: int) -> None:
    servers.other.resources.remove(care.HOMER)
    gone = care.session(extension=DEVICE)
    if status == 410:
        servers.other.answer = lambda handler: handler.send(410)
        gone["participant"] = []
    before = stored_items()
    for _ in range(2):
        answer = servers.clinic.post("/Encounter", gone)
        places = ["Encounter.subject.reference", "Encounter.extension[0].valueReference.reference"]
        refusals.check(answer, 422, "business-rule", *places)
    assert stored_items() == before
    servers.other.answer = None
    servers.other.resources |= {care.HOMER, "Device/pump"}
    assert servers.clinic.post("/Encounter", gone).status == 201


def test_records_are_looked_up_locally(servers: Both) -> None:
    diagnosis = [{"condition": care.reference("Condition/none")}]
    answer = servers.clinic.post("/Encounter", care.session(diagnosis=diagnosis))
    refusals.check(answer, 422, "business-rule", CONDITION)
    body = {"resourceType": "Condition", "subject": care.reference(care.HOMER)}
    created = servers.clinic.post("/Condition", body)
    diagnosis = [{"condition": care.reference(f"Condition/{created.id}")}]
    assert servers.clinic.post("/Encounter", care.session(diagnosis=diagnosis)).status == 201
    assert servers.other.paths == lookups(care.HOMER, care.ALICE)


def test_absolute_references_to_the_other_server_are_checked_and_others_are_not(
    servers: Both,
) -> None:
    there, missing = (
        care.reference(f"{servers.other.base}/{person}") for person in (care.HOMER, LINDA)
    )
    assert servers.clinic.post("/Encounter", care.session(subject=there)).status == 201
    answer = servers.clinic.post("/Encounter", care.session(subject=missing))
    refusals.check(answer, 422, "business-rule", "Encounter.subject.reference")
    other = care.reference(f"https://other.example/fhir/{LINDA}")
    assert servers.clinic.post("/Encounter", care.session(subject=other)).status == 201


@pytest.mark.parametrize("scheme", ["", "http", "https", "HTTP"])
def test_a_foreign_id_is_looked_up_in_every_spelling(servers: Both, scheme: str) -> None:
    own = "Patient/pt_abc123"
    base = f"{scheme}{servers.other.base.removeprefix('http')}/" if scheme else ""
    body = care.session(subject=care.reference(base + own), participant=[])
    answer = servers.clinic.post("/Encounter", body)
    refusals.check(answer, 422, "business-rule", "Encounter.subject.reference")
    servers.other.resources.add(own)
    assert servers.clinic.post("/Encounter", body).status == 201


def test_ids_of_records_stored_here_follow_r4(servers: Both) -> None:
    diagnosis = [{"condition": care.reference("Condition/co_1")}]
    answer = servers.clinic.post("/Encounter", care.session(diagnosis=diagnosis))
    refusals.check(answer, 400, "value", CONDITION)


def test_only_references_added_by_a_write_are_looked_up(servers: Both) -> None:
    created = servers.clinic.post("/Encounter", care.session())
    servers.other.resources.clear()
    servers.other.requests.clear()
    path = f"/Encounter/{created.id}"
    assert servers.clinic.put(path, created.body | {"status": "finished"}).status == 200
    assert servers.other.requests == []


@pytest.mark.parametrize("own_id", ["..", "."])
def test_an_id_cannot_lead_to_another_path(servers: Both, own_id: str) -> None:
    body = care.session(subject=care.reference(f"Patient/{own_id}"), participant=[])
    answer = servers.clinic.post("/Encounter", body)
    refusals.check(answer, 422, "business-rule", "Encounter.subject.reference")
    assert servers.other.requests == []


def test_each_tenant_has_a_base(servers: Both) -> None:
    base = servers.other.base.replace("/fhir", "/{tenant}")
    servers.practice.configure(REFERENCE_BASE_URL=base, TENANT_CLAIM="clinic")
    for tenant in ("east", "west"):
        caller = ApiClient(claims={"clinic": tenant})
        refused = caller.post("/Encounter", care.session(participant=[]))
        assert refused.status == 422
    assert [path.split("/")[1] for path in servers.other.paths] == ["east", "west"]


def test_references_of_bundle_entries_are_looked_up_too(servers: Both) -> None:
    entries = [entry("POST", "Encounter", care.session())] * 3
    assert statuses(transact(servers.clinic, *entries)) == ["201"] * 3
    assert servers.other.paths == lookups(care.HOMER, care.ALICE)


def test_a_required_subject_must_be_one_that_can_be_looked_up(servers: Both) -> None:
    servers.practice.configure(REQUIRE_SUBJECT="true")
    there = care.reference(f"{servers.other.base}/{care.HOMER}")
    assert servers.clinic.post("/Encounter", care.visit(subject=there)).status == 201
    for subject in (
        care.reference("https://other.example/fhir/Patient/1"),
        care.reference(f"{servers.other.base}/{care.ALICE}"),
        {"identifier": {"system": "https://mrn.example", "value": "1"}, "type": "Patient"},
    ):
        answer = servers.clinic.post("/Encounter", care.visit(subject=subject))
        assert answer.status in (400, 422), answer.text


def test_the_subject_of_a_condition_matches_in_each_of_its_forms(servers: Both) -> None:
    servers.practice.configure(SAME_SUBJECT="true")
    servers.other.resources.add(LINDA)
    subject = care.reference(f"{servers.other.base}/{care.HOMER}")
    created = servers.clinic.post("/Condition", {"resourceType": "Condition", "subject": subject})
    diagnosis = [{"condition": care.reference(f"Condition/{created.id}")}]
    assert servers.clinic.post("/Encounter", care.session(diagnosis=diagnosis)).status == 201
    of_linda = care.session(subject=care.reference(LINDA), diagnosis=diagnosis)
    other = servers.clinic.post("/Encounter", of_linda)
    places = ["Encounter.diagnosis[0].condition", "Encounter.subject"]
    refusals.check(other, 422, "business-rule", *places)


def test_the_references_of_a_transaction_are_looked_up_concurrently(servers: Both) -> None:
    """Each answer waits until all requests have arrived."""
    people = [f"Patient/p{number}" for number in range(5)]
    servers.other.resources |= {*people}
    together = Barrier(len(people))

    def waiting(handler: Handler) -> None:
        together.wait(5)
        servers.other.send_resource(handler)

    servers.other.answer = waiting
    sessions = [care.visit(subject=care.reference(person), participant=[]) for person in people]
    entries = [entry("POST", "Encounter", session) for session in sessions]
    assert statuses(transact(servers.clinic, *entries)) == ["201"] * 5
    assert servers.other.paths == lookups(*people)


def test_a_transaction_that_adds_no_reference_needs_no_lookup(servers: Both) -> None:
    made = servers.clinic.post("/Encounter", care.session()).body
    asking.clear_cache()
    servers.other.answer = answering(500)
    kept = entry("PUT", f"Encounter/{made['id']}", made | {"language": "de"})
    assert statuses(transact(servers.clinic, kept)) == ["200"]


# ---- Unusable answers of the other server ---------------------------------------------------


def patient(own_id: str) -> dict[str, str]:
    return {"resourceType": "Patient", "id": own_id}


def redirecting(handler: Handler) -> None:
    handler.send(302, Location=f"/fhir/{LINDA}")


def broken_off(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def answering(status: int, body: Any = None) -> Answer:
    return lambda handler: handler.send(status, body)


@pytest.mark.parametrize(
    "answer",
    [
        answering(500),
        answering(401),
        answering(429),
        answering(204, b""),
        answering(200, b"<html>Not found</html>"),
        answering(200, patient("somebody-else")),
        answering(200, [patient("homer-simpson")]),
        answering(200, {}),
        redirecting,
        broken_off,
    ],
)
def test_an_unusable_answer_of_the_other_server_is_503(servers: Both, answer: Answer) -> None:
    servers.other.resources.add(LINDA)
    servers.other.answer = answer
    before = stored_items()
    unavailable(servers.clinic.post("/Encounter", care.session(participant=[])))
    assert stored_items() == before
    assert set(servers.other.paths) == set(lookups(care.HOMER))


def unavailable(answer: Any) -> None:
    refusals.check(answer, 503, "transient")
    assert answer.headers["Retry-After"] == "1"
    assert "homer" not in answer.text


def test_a_slow_server_is_503_and_its_timely_answers_are_cached(servers: Both) -> None:
    def slow(handler: Handler) -> None:
        if care.HOMER in handler.path:
            servers.other.released.wait()
        servers.other.send_resource(handler)

    servers.other.answer = slow
    unavailable(servers.clinic.post("/Encounter", care.session()))
    servers.other.answer = None
    servers.other.requests.clear()
    assert servers.clinic.post("/Encounter", care.session()).status == 201
    assert servers.other.paths == lookups(care.HOMER)


def test_a_server_that_drips_its_answer_is_503(servers: Both) -> None:
    def dripping(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not servers.other.released.wait(0.1):
            handler.wfile.write(b" ")
        handler.close_connection = True

    servers.other.answer = dripping
    unavailable(servers.clinic.post("/Encounter", care.session(participant=[])))


def test_a_server_that_is_down_is_503(practice: Practice) -> None:
    with run_server() as other:
        base = other.base
    practice.configure(REFERENCE_CHECKS="remote", REFERENCE_BASE_URL=base)
    unavailable(practice.clinic.post("/Encounter", care.session()))


def test_a_connection_closed_in_the_meantime_is_reopened(servers: Both) -> None:
    def once(handler: Handler) -> None:
        servers.other.answer = None
        handler.close_connection = True

    servers.other.answer = once
    assert servers.clinic.post("/Encounter", care.session(participant=[])).status == 201
    assert servers.other.paths == lookups(care.HOMER, care.HOMER)
