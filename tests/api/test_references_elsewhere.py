"""`ReferenceChecks=remote`: people are looked up on another FHIR server, which runs locally."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest

from shared.references import remote as asking
from tests import care, refusals
from tests.bundles import entry, statuses, transact
from tests.consistency import everything
from tests.elsewhere import Answer, Elsewhere, Handler, elsewhere
from tests.frontdoor import FrontDoor
from tests.practice import Practice

LINDA, CONDITION = "Patient/linda-belcher", "Encounter.diagnosis[0].condition.reference"
DEVICE = [{"url": "https://e.example/pump", "valueReference": care.reference("Device/pump")}]


@dataclass(frozen=True)
class Both:
    """This service and the other server, which has two people."""

    practice: Practice
    other: Elsewhere

    @property
    def clinic(self) -> FrontDoor:
        return self.practice.clinic


@pytest.fixture
def both(practice: Practice) -> Iterator[Both]:
    with elsewhere() as other:
        other.people |= {care.HOMER, care.ALICE}
        practice.set(REFERENCE_CHECKS="remote", REFERENCE_BASE_URL=other.base)
        yield Both(practice, other)


def asked(*references: str) -> list[str]:
    return sorted(f"/fhir/{reference}?_elements=id" for reference in references)


def test_a_known_person_is_looked_up_once(both: Both) -> None:
    for _ in range(2):
        assert both.clinic.post("/Encounter", care.session()).status == 201
    assert both.other.paths == asked(care.HOMER, care.ALICE)
    headers = {name.lower(): value for name, value in both.other.asked[0][1].items()}
    assert headers["accept"] == "application/fhir+json"
    assert "authorization" not in headers


@pytest.mark.parametrize(
    ("limit", "again"), [("KNOWN_SECONDS", [care.HOMER, care.ALICE]), ("MOST_KNOWN", [""])]
)
def test_lookups_are_cached_for_a_limited_time_and_number(
    both: Both, monkeypatch: pytest.MonkeyPatch, limit: str, again: list[str]
) -> None:
    monkeypatch.setattr(asking, limit, {"KNOWN_SECONDS": 0, "MOST_KNOWN": 1}[limit])
    both.clinic.post("/Encounter", care.session())
    both.other.asked.clear()
    both.clinic.post("/Encounter", care.session())
    assert len(both.other.asked) == len(again)
    assert all(any(each in path for each in again) for path in both.other.paths)


def test_the_people_named_by_a_write_are_not_logged(
    both: Both, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    both.other.people.remove(care.HOMER)
    assert both.clinic.post("/Encounter", care.session()).status == 422
    assert caplog.records
    assert "homer" not in caplog.text + capsys.readouterr().out


@pytest.mark.parametrize("status", [404, 410])
def test_a_missing_person_is_named_and_looked_up_again(both: Both, status: int) -> None:
    both.other.people.remove(care.HOMER)
    gone = care.session(extension=DEVICE)
    if status == 410:
        both.other.answer = lambda handler: handler.send(410)
        gone["participant"] = []
    before = everything()
    for _ in range(2):
        answer = both.clinic.post("/Encounter", gone)
        places = ["Encounter.subject.reference", "Encounter.extension[0].valueReference.reference"]
        refusals.check(answer, 422, "business-rule", *places)
    assert everything() == before
    both.other.answer = None
    both.other.people |= {care.HOMER, "Device/pump"}
    assert both.clinic.post("/Encounter", gone).status == 201


def test_records_are_looked_up_locally(both: Both) -> None:
    diagnosis = [{"condition": care.reference("Condition/none")}]
    answer = both.clinic.post("/Encounter", care.session(diagnosis=diagnosis))
    refusals.check(answer, 422, "business-rule", CONDITION)
    body = {"resourceType": "Condition", "subject": care.reference(care.HOMER)}
    created = both.clinic.post("/Condition", body)
    diagnosis = [{"condition": care.reference(f"Condition/{created.id}")}]
    assert both.clinic.post("/Encounter", care.session(diagnosis=diagnosis)).status == 201
    assert both.other.paths == asked(care.HOMER, care.ALICE)


def test_absolute_references_to_the_other_server_are_checked_and_others_are_not(both: Both) -> None:
    there, missing = (
        care.reference(f"{both.other.base}/{person}") for person in (care.HOMER, LINDA)
    )
    assert both.clinic.post("/Encounter", care.session(subject=there)).status == 201
    answer = both.clinic.post("/Encounter", care.session(subject=missing))
    refusals.check(answer, 422, "business-rule", "Encounter.subject.reference")
    other = care.reference(f"https://other.example/fhir/{LINDA}")
    assert both.clinic.post("/Encounter", care.session(subject=other)).status == 201


@pytest.mark.parametrize("scheme", ["", "http", "https", "HTTP"])
def test_a_foreign_id_is_looked_up_in_every_spelling(both: Both, scheme: str) -> None:
    own = "Patient/pt_abc123"
    base = f"{scheme}{both.other.base.removeprefix('http')}/" if scheme else ""
    body = care.session(subject=care.reference(base + own), participant=[])
    answer = both.clinic.post("/Encounter", body)
    refusals.check(answer, 422, "business-rule", "Encounter.subject.reference")
    both.other.people.add(own)
    assert both.clinic.post("/Encounter", body).status == 201


def test_ids_of_records_stored_here_follow_r4(both: Both) -> None:
    diagnosis = [{"condition": care.reference("Condition/co_1")}]
    answer = both.clinic.post("/Encounter", care.session(diagnosis=diagnosis))
    refusals.check(answer, 400, "value", CONDITION)


def test_only_references_added_by_a_write_are_looked_up(both: Both) -> None:
    created = both.clinic.post("/Encounter", care.session())
    both.other.people.clear()
    both.other.asked.clear()
    path = f"/Encounter/{created.id}"
    assert both.clinic.put(path, created.body | {"status": "finished"}).status == 200
    assert both.other.asked == []


@pytest.mark.parametrize("own_id", ["..", "."])
def test_an_id_cannot_lead_to_another_path(both: Both, own_id: str) -> None:
    body = care.session(subject=care.reference(f"Patient/{own_id}"), participant=[])
    answer = both.clinic.post("/Encounter", body)
    refusals.check(answer, 422, "business-rule", "Encounter.subject.reference")
    assert both.other.asked == []


def test_each_tenant_has_a_base(both: Both) -> None:
    base = both.other.base.replace("/fhir", "/{tenant}")
    both.practice.set(REFERENCE_BASE_URL=base, TENANT_CLAIM="clinic")
    for tenant in ("east", "west"):
        caller = FrontDoor(claims={"clinic": tenant})
        refused = caller.post("/Encounter", care.session(participant=[]))
        assert refused.status == 422
    assert [path.split("/")[1] for path in both.other.paths] == ["east", "west"]


def test_references_of_bundle_entries_are_looked_up_too(both: Both) -> None:
    entries = [entry("POST", "Encounter", care.session())] * 3
    assert statuses(transact(both.clinic, *entries)) == ["201"] * 3
    assert both.other.paths == asked(care.HOMER, care.ALICE)


def test_a_required_subject_must_be_one_that_can_be_looked_up(both: Both) -> None:
    both.practice.set(REQUIRE_SUBJECT="true")
    there = care.reference(f"{both.other.base}/{care.HOMER}")
    assert both.clinic.post("/Encounter", care.visit(subject=there)).status == 201
    for subject in (
        care.reference("https://other.example/fhir/Patient/1"),
        care.reference(f"{both.other.base}/{care.ALICE}"),
        {"identifier": {"system": "https://mrn.example", "value": "1"}, "type": "Patient"},
    ):
        answer = both.clinic.post("/Encounter", care.visit(subject=subject))
        assert answer.status in (400, 422), answer.text


def test_the_subject_of_a_condition_matches_in_each_of_its_forms(both: Both) -> None:
    both.practice.set(SAME_SUBJECT="true")
    both.other.people.add(LINDA)
    subject = care.reference(f"{both.other.base}/{care.HOMER}")
    created = both.clinic.post("/Condition", {"resourceType": "Condition", "subject": subject})
    diagnosis = [{"condition": care.reference(f"Condition/{created.id}")}]
    assert both.clinic.post("/Encounter", care.session(diagnosis=diagnosis)).status == 201
    of_linda = care.session(subject=care.reference(LINDA), diagnosis=diagnosis)
    other = both.clinic.post("/Encounter", of_linda)
    places = ["Encounter.diagnosis[0].condition", "Encounter.subject"]
    refusals.check(other, 422, "business-rule", *places)


def test_the_references_of_a_transaction_are_looked_up_concurrently(both: Both) -> None:
    """Each answer waits until all requests have arrived."""
    people = [f"Patient/p{number}" for number in range(5)]
    both.other.people |= {*people}
    together = Barrier(len(people))

    def waiting(handler: Handler) -> None:
        together.wait(5)
        both.other.say(handler)

    both.other.answer = waiting
    sessions = [care.visit(subject=care.reference(person), participant=[]) for person in people]
    entries = [entry("POST", "Encounter", session) for session in sessions]
    assert statuses(transact(both.clinic, *entries)) == ["201"] * 5
    assert both.other.paths == asked(*people)


def test_a_transaction_that_adds_no_reference_needs_no_lookup(both: Both) -> None:
    made = both.clinic.post("/Encounter", care.session()).body
    asking.forget()
    both.other.answer = says(500)
    kept = entry("PUT", f"Encounter/{made['id']}", made | {"language": "de"})
    assert statuses(transact(both.clinic, kept)) == ["200"]


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


def says(status: int, body: Any = None) -> Answer:
    return lambda handler: handler.send(status, body)


@pytest.mark.parametrize(
    "answer",
    [
        says(500),
        says(401),
        says(429),
        says(204, b""),
        says(200, b"<html>Not found</html>"),
        says(200, patient("somebody-else")),
        says(200, [patient("homer-simpson")]),
        says(200, {}),
        redirecting,
        broken_off,
    ],
)
def test_an_unusable_answer_of_the_other_server_is_503(both: Both, answer: Answer) -> None:
    both.other.people.add(LINDA)
    both.other.answer = answer
    before = everything()
    unavailable(both.clinic.post("/Encounter", care.session(participant=[])))
    assert everything() == before
    assert set(both.other.paths) == set(asked(care.HOMER))


def unavailable(answer: Any) -> None:
    refusals.check(answer, 503, "transient")
    assert answer.headers["Retry-After"] == "1"
    assert "homer" not in answer.text


def test_a_slow_server_is_503_and_its_timely_answers_are_cached(both: Both) -> None:
    def slow(handler: Handler) -> None:
        if care.HOMER in handler.path:
            both.other.released.wait()
        both.other.say(handler)

    both.other.answer = slow
    unavailable(both.clinic.post("/Encounter", care.session()))
    both.other.answer = None
    both.other.asked.clear()
    assert both.clinic.post("/Encounter", care.session()).status == 201
    assert both.other.paths == asked(care.HOMER)


def test_a_server_that_drips_its_answer_is_503(both: Both) -> None:
    def dripping(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not both.other.released.wait(0.1):
            handler.wfile.write(b" ")
        handler.close_connection = True

    both.other.answer = dripping
    unavailable(both.clinic.post("/Encounter", care.session(participant=[])))


def test_a_server_that_is_down_is_503(practice: Practice) -> None:
    with elsewhere() as other:
        base = other.base
    practice.set(REFERENCE_CHECKS="remote", REFERENCE_BASE_URL=base)
    unavailable(practice.clinic.post("/Encounter", care.session()))


def test_a_connection_closed_in_the_meantime_is_reopened(both: Both) -> None:
    def once(handler: Handler) -> None:
        both.other.answer = None
        handler.close_connection = True

    both.other.answer = once
    assert both.clinic.post("/Encounter", care.session(participant=[])).status == 201
    assert both.other.paths == asked(care.HOMER, care.HOMER)
