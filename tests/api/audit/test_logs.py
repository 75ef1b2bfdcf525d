"""Internal errors and the log: neither contains anything of a resource."""

import json
from io import StringIO
from typing import Any, ClassVar

import pytest

from functions import read
from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from shared.http.endpoint import logger
from shared.store import dynamodb, transactions
from shared.store.audit_items import event_of
from tests.support import audit_pipeline, care, refusals
from tests.support.api_client import ApiClient
from tests.support.canary import CANARY, person, secret_note, with_canary
from tests.support.plain_client import PlainClient
from tests.support.steps import end

pytestmark = pytest.mark.usefixtures("moto")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Capture what the functions write to their log."""
    stream = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


def test_a_log_line_describes_the_request_by_names_and_ids_only(
    clinic: ApiClient, log: StringIO
) -> None:
    clinic.get("/Encounter/one/_history?_count=1")
    clinic.get("/Communication?part-of%3Amissing=true&_sort=sent&Homer=1")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["route"] for line in lines] == [
        "GET /fhir/R4/{type}/{id}/_history",
        "GET /fhir/R4/{type}",
    ]
    assert (lines[0]["type"], lines[0]["id"], lines[0]["status"]) == ("Encounter", "one", 404)
    assert lines[0]["parameters"] == ["_count"]
    assert (lines[1]["issues"], lines[1]["status"]) == (["invalid"], 400)
    assert lines[1]["parameters"] == ["?", "_sort", "part-of"]
    assert lines[0]["readUnits"] > 0
    assert lines[0]["request"] == "request-1"


def test_the_plan_of_a_search_is_shown_to_the_log_and_administrators_without_values(
    clinic: ApiClient, log: StringIO
) -> None:
    url = "/Encounter?patient=Patient/secret&date=ge1999-09-09&type=private&_sort=status"
    admin = ApiClient(role="admin")
    assert "entry" not in clinic.get(url, prefer="debug=plan").body
    (entry,) = admin.get(url, prefer="debug=plan").body["entry"]
    assert entry["search"]["mode"] == "outcome"
    assert issues(fhirjson.loads(json.dumps(entry["resource"])), "OperationOutcome") == []
    plan = json.loads(entry["resource"]["issue"][0]["diagnostics"])
    assert plan == {
        "reads": "patient",
        "tables": ["SearchTable"],
        "partitions": 1,
        "ranges": 3,
        "steps": 1,
        "byDate": True,
        "checked": ["date", "type"],
        "sorted": ["status"],
        "order": "keys",
        "cursor": False,
    }
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["plan"] for line in lines] == [plan, plan]
    # Only the audit trail records which people a search asked for.
    told = str([line | {"audit": ""} for line in lines])
    for value in ("secret", "1999", "private"):
        assert value not in told


class Unreachable:
    """A database that fails with a confidential error text."""

    secret: ClassVar[str] = "password=hunter2 for Patient/homer-simpson"

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(self.secret)


def test_an_internal_error_reveals_nothing_of_its_cause(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch, log: StringIO
) -> None:
    with monkeypatch.context() as broken:
        for module in (dynamodb, transactions):
            broken.setattr(module, "client", Unreachable)
        answers = [
            clinic.get("/Encounter/1"),
            clinic.get("/Encounter?status=finished"),
            clinic.post("/Encounter", care.session()),
            clinic.put("/Encounter/1", care.session(id="1")),
            clinic.patch("/Communication/1", []),
            clinic.administrator.delete("/Communication/1"),
            clinic.get("/Encounter/1/_history"),
        ]
    for answer in answers:
        refusals.check(answer, 500, "exception")
        assert answer.body["issue"][0]["diagnostics"] == "Internal error: Request request-1"
        assert "hunter2" not in answer.text
        assert "RuntimeError" not in answer.text
    logged = log.getvalue()
    assert logged.count('"error":"RuntimeError"') == len(answers)
    assert "hunter2" not in logged
    assert "homer" not in logged


def test_a_failing_handler_still_returns_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("homer-simpson")

    monkeypatch.setattr(read, "read", fail)
    answer = ApiClient().get("/Encounter/1")
    refusals.check(answer, 500, "exception")
    assert "homer" not in answer.text


def test_no_log_line_holds_anything_of_people_and_records(
    clinic: ApiClient,
    monkeypatch: pytest.MonkeyPatch,
    log: StringIO,
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = clinic.post("/Encounter", care.session()).id
    patient = clinic.post("/Patient", person())
    assert patient.status == 201, patient.text
    url = f"/Patient/{patient.id}"
    note = clinic.post("/DocumentReference", secret_note(session))
    assert note.status == 201, note.text
    statuses = [
        clinic.get(url).status,
        clinic.get(f"/Patient?family={CANARY}").status,
        clinic.get(f"/Patient?phone={CANARY}&name:contains={CANARY}").status,
        clinic.post("/Patient", person(), if_none_exist=f"family={CANARY}").status,
        clinic.post("/Patient", person(gender=CANARY)).status,
        clinic.post("/Patient", person(**{CANARY: CANARY})).status,
        clinic.put(f"{url}?family={CANARY}", person()).status,
        clinic.put(url, person(id=CANARY)).status,
        clinic.patch(url, [{"op": "test", "path": "/name/0/family", "value": CANARY * 2}]).status,
        clinic.post(
            "/Patient", person(name=[{"family": f"{CANARY} {n}"} for n in range(99)])
        ).status,
        clinic.get(f"/Encounter/{session}/$everything").status,
        clinic.get(f"/DocumentReference?encounter={session}&description={CANARY}").status,
        clinic.post("/DocumentReference", secret_note(CANARY)).status,
        clinic.post("/Patient/$validate", person()).status,
        clinic.post(
            "/Communication", care.header(sender=care.reference(f"Patient?phone={CANARY}"))
        ).status,
    ]
    assert set(statuses) >= {200, 400, 422}
    with monkeypatch.context() as broken:
        for module in (dynamodb, transactions):
            broken.setattr(module, "client", Unreachable)
        assert clinic.put(url, person(id=patient.id)).status == 500
        assert clinic.get(f"/Patient?family={CANARY}").status == 500
    assert log.getvalue().count('"message":"request"') == len(statuses) + 5
    assert CANARY.lower() not in log.getvalue().lower()
    assert all(CANARY not in str(record.__dict__) for record in caplog.records)
    events = [event_of(row) for row in audit_pipeline.write_event_rows()]
    assert events
    assert not any(CANARY.encode() in event for event in events)


def test_no_log_line_holds_anything_of_a_resource(
    clinic: ApiClient,
    monkeypatch: pytest.MonkeyPatch,
    log: StringIO,
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = clinic.post("/Encounter", with_canary(care.session()))
    assert CANARY in session.text
    path = f"/Encounter/{session.id}"
    note = {"payload": [{"contentString": CANARY}], "topic": {"text": CANARY}}
    header = clinic.post("/Communication", with_canary(care.header(), **note))
    assert header.status == 201, header.text
    link = care.link(session.id)
    statuses = [
        clinic.patch(f"/Communication/{header.id}", link).status,
        clinic.post("/Communication", with_canary(care.message(header.id), **note)).status,
        clinic.get(path).status,
        clinic.get(f"{path}/_history").status,
        clinic.get(f"/Encounter?identifier=https://clinic.example|{CANARY}").status,
        clinic.get(f"/Encounter?subject:{CANARY}=1").status,
        clinic.get(f"/Encounter?{CANARY}").status,
        clinic.get(f"/Encounter?{CANARY}=1").status,
        clinic.get(f"/Encounter?identifier%3D{CANARY}").status,
        clinic.get(f"/Encounter?status={CANARY}").status,
        clinic.get(f"/Encounter/{CANARY}%20Homer").status,
        clinic.get(f"/{CANARY}/1").status,
        clinic.put(path, with_canary(care.session("bogus", id=session.id))).status,
        clinic.put(path, with_canary(care.session(id=CANARY))).status,
        clinic.put(path, with_canary(care.session(id=session.id, **{CANARY: CANARY}))).status,
        clinic.put(path, with_canary(care.session(id=session.id)), if_match=CANARY).status,
        clinic.post("/Encounter", f'{{"text":"{CANARY}"').status,
        clinic.post("/Communication", with_canary(care.message(CANARY), **note)).status,
        clinic.patch(path, [{"op": "test", "path": "/subject/display", "value": CANARY}]).status,
        clinic.patch(path, [{"op": "replace", "path": f"/{CANARY}", "value": CANARY}]).status,
    ]
    face, own = PlainClient(clinic), f"/encounters/{session.id}"
    visit = {"status": "in-progress", "class": "VR", "type": CANARY, "location": CANARY}
    statuses += [
        face.post("/encounters", visit).status,
        face.get(own).status,
        face.get("/encounters?sort=date").status,
        face.get(f"/encounters?{CANARY}=1&status={CANARY}&cursor={CANARY}").status,
        face.get(f"/{CANARY}").status,
        face.patch(own, {CANARY: CANARY, "status": CANARY, "type": [CANARY]}).status,
        face.patch(own, {"partOfId": CANARY, "reasonCode": CANARY}).status,
        face.put(own, visit | {"id": CANARY}).status,
        face.post("/threads", f'{{"topic":"{CANARY}"').status,
    ]
    assert set(statuses) >= {200, 201, 400, 404, 412, 422}
    end(clinic, session.id)
    with monkeypatch.context() as broken:
        for module in (dynamodb, transactions):
            broken.setattr(module, "client", Unreachable)
        assert clinic.put(path, with_canary(care.session(id=session.id))).status == 500
    assert clinic.administrator.delete(path).status == 204
    assert log.getvalue().count('"message":"request"') == len(statuses) + 6
    assert CANARY not in log.getvalue()
    assert all(CANARY not in str(record.__dict__) for record in caplog.records)
    for line in map(json.loads, log.getvalue().splitlines()):
        # Only the audit trail records the patient of a read resource.
        assert "homer" not in str(line | {"audit": ""})
