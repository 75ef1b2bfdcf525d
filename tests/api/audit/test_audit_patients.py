"""An audit event names the patients of every resource that its request disclosed."""

from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import ORIGIN, ApiClient
from tests.support.audit_pipeline import Log

HOMER, MARGE = "Patient/homer-simpson", "Patient/marge-simpson"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Capture what the functions log from the start of the test."""
    return Log(monkeypatch)


def patients(event: dict[str, Any]) -> list[str]:
    """Return the patients whom an AuditEvent names, each once."""
    named = {
        entity["what"].get("reference", "")
        for entity in event["entity"]
        if entity.get("role", {}).get("code") == "1"
    }
    return sorted(named)


def patients_named(log: Log) -> list[list[str]]:
    """Return the patients named by each event since the last call."""
    found = [patients(event) for event in log.deliver()]
    log.clear()
    return found


def message_without_patient(header: str) -> dict[str, Any]:
    """Return a message that names no patient."""
    body = care.message(header, sender=care.reference("Practitioner/doctor-alice-smith"))
    return {name: value for name, value in body.items() if name != "subject"}


@pytest.mark.parametrize(
    "url",
    [
        "/Encounter/1?_elements=status",
        "/Encounter/1?_summary=text",
        "/Encounter?_elements=status",
        "/Encounter?_id=1&_summary=text",
        "/Encounter/1/_history?_count=0",
        "/Encounter/1/_history?_since=2099-01-01T00:00:00Z",
        "/Encounter/1/$everything?_type=Observation",
        "/Encounter/1/$closing",
    ],
)
def test_reading_part_of_a_resource_is_audited_for_its_patient(
    clinic: ApiClient, log: Log, url: str
) -> None:
    assert clinic.put("/Encounter/1", care.session(id="1")).status == 201
    patients_named(log)
    assert clinic.get(url).status == 200
    assert patients_named(log) == [[HOMER]]


def test_an_answer_without_a_body_is_audited_for_the_patient_too(
    clinic: ApiClient, log: Log
) -> None:
    same = clinic.put("/Encounter/1", care.session(id="1")).body
    patients_named(log)
    assert clinic.get("/Encounter/1", if_none_match='W/"1"').status == 304
    assert clinic.get(f"{ORIGIN}/v1/encounters/1", if_none_match='W/"1"').status == 304
    assert clinic.put("/Encounter/1", same, prefer="return=minimal").status == 200
    assert clinic.put("/Encounter/1", same, prefer="return=OperationOutcome").status == 200
    assert patients_named(log) == [[HOMER]] * 4


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/Encounter?patient=Patient/marge-simpson", [MARGE]),
        ("/Encounter?patient=marge-simpson&_count=0", [MARGE]),
        ("/Encounter?subject=Patient/marge-simpson,Patient/homer-simpson", [HOMER, MARGE]),
        ("/Encounter?subject:Patient=marge-simpson&_summary=count", [MARGE]),
        ("/Encounter?patient._id=marge-simpson", [MARGE]),
        ("/Encounter?subject:Patient._id=marge-simpson", [MARGE]),
        ("/Observation?encounter.patient=Patient/marge-simpson", [MARGE]),
        ("/Encounter?_has:Observation:encounter:patient=marge-simpson", [MARGE]),
        ("/Communication?sender=Patient/marge-simpson", [MARGE]),
        ("/Patient?_id=marge-simpson,homer-simpson", [HOMER, MARGE]),
        ("/Patient?_id=marge-simpson&_summary=count", [MARGE]),
        ("/Encounter?patient=https://fhir.example.org/fhir/R4/Patient/marge-simpson", [MARGE]),
        (f"{ORIGIN}/v1/encounters?patientId=marge-simpson", [MARGE]),
        ("/Encounter?status=finished", []),
    ],
)
def test_a_search_without_matches_is_audited_for_the_patients_it_asked_for(
    clinic: ApiClient, log: Log, url: str, expected: list[str]
) -> None:
    answer = clinic.get(url)
    assert answer.status == 200, answer.text
    assert patients_named(log) == [expected]


def test_a_search_by_post_is_audited_for_the_patients_it_asked_for(
    clinic: ApiClient, log: Log
) -> None:
    form = "patient=Patient/marge-simpson&_count=0"
    assert clinic.call("POST", "/Encounter/_search", form, content_type=FORM).status == 200
    (event,) = log.deliver()
    assert patients(event) == [MARGE]
    details = [detail["valueString"] for detail in event["entity"][0]["detail"]]
    assert {"_count", "patient"} <= set(details)


def test_a_message_without_subject_is_audited_for_the_patient_of_its_thread(
    clinic: ApiClient, log: Log
) -> None:
    header = clinic.post("/Communication", care.header()).id
    message = clinic.post("/Communication", message_without_patient(header))
    assert message.status == 201, message.text
    assert "subject" not in message.body
    assert patients_named(log) == [[HOMER]] * 2
    clinic.get(f"/Communication/{message.id}")
    clinic.get(f"/Communication/{message.id}?_elements=status")
    clinic.get(f"/Communication?_id={message.id}")
    assert clinic.administrator.delete(f"/Communication/{message.id}").status == 204
    assert patients_named(log) == [[HOMER]] * 4


def test_a_message_without_subject_is_audited_for_the_patient_of_its_deleted_thread(
    clinic: ApiClient, log: Log
) -> None:
    header = clinic.post("/Communication", care.header()).id
    message = clinic.post("/Communication", message_without_patient(header)).id
    assert clinic.administrator.delete(f"/Communication/{header}").status == 204
    patients_named(log)
    clinic.get(f"/Communication/{message}")
    assert patients_named(log) == [[HOMER]]


def test_a_patient_who_sends_or_receives_a_message_is_named(clinic: ApiClient, log: Log) -> None:
    sender = care.reference(MARGE)
    header = clinic.post("/Communication", care.header(recipient=[sender]))
    assert header.status == 201, header.text
    clinic.get(f"/Communication/{header.id}")
    assert patients_named(log) == [[HOMER, MARGE]] * 2


def test_a_session_of_several_patients_is_audited_for_each_of_them(
    clinic: ApiClient, log: Log
) -> None:
    session = clinic.post("/Encounter", care.session()).id
    added = {
        "resourceType": "Parameters",
        "parameter": [{"name": "patient", "valueReference": {"reference": MARGE}}],
    }
    answer = clinic.post(f"/Encounter/{session}/$add-patient", added)
    assert answer.status in (200, 201), answer.text
    assert "subject" not in clinic.get(f"/Encounter/{session}").body
    patients_named(log)
    whole = clinic.get(f"/Encounter/{session}")
    clinic.get(f"/Encounter/{session}?_elements=status")
    assert (
        clinic.put(f"/Encounter/{session}", whole.body | {"priority": {"text": "x"}}).status == 200
    )
    assert patients_named(log) == [[HOMER, MARGE]] * 3


def test_a_record_without_subject_is_audited_for_the_patient_of_its_encounter(
    clinic: ApiClient, log: Log
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    body = care.example("Observation", id="own", encounter=care.reference("Encounter/1"))
    body.pop("subject", None)
    body.pop("performer", None)
    answer = clinic.put("/Observation/own", body)
    assert answer.status == 201, answer.text
    patients_named(log)
    clinic.get("/Observation/own")
    clinic.put("/Observation/own", answer.body | {"status": "amended"})
    assert patients_named(log) == [[HOMER]] * 2


REFUSALS: list[tuple[str, str, Any, int]] = [
    ("PATCH", "/Encounter/1", [{"op": "test", "path": "/status", "value": "planned"}], 400),
    ("PUT", "/Encounter/1", {"resourceType": "Encounter", "id": "1"}, 400),
    ("DELETE", "/Encounter/1", None, 403),
    ("GET", "/Encounter/1/_history/9", None, 404),
    ("GET", "/Encounter/1/$nothing", None, 404),
    ("POST", "/Encounter/1/$validate?mode=nothing", None, 400),
    ("GET", "/Encounter/gone", None, 410),
    ("PATCH", f"{ORIGIN}/v1/encounters/1", {"status": "nothing"}, 400),
    ("POST", "/Encounter", care.session(partOf=care.reference("Encounter/none")), 422),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: " ".join(refusal[:2]))
def test_a_refusal_is_audited_for_the_patient_of_the_refused_resource(
    clinic: ApiClient, log: Log, refusal: tuple[str, str, Any, int]
) -> None:
    method, url, body, status = refusal
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.put("/Encounter/gone", care.session(id="gone"))
    assert clinic.administrator.delete("/Encounter/gone").status == 204
    patients_named(log)
    content_type = "application/json"
    answer = clinic.call(method, url, body, content_type=content_type)
    assert answer.status == status, answer.text
    assert patients_named(log) == [[HOMER]]


CONDITIONS = [
    "patient=Patient/marge-simpson",
    "Encounter?patient=Patient/marge-simpson",
    "subject:Patient=marge-simpson&status=planned",
]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_refused_condition_is_audited_for_the_patients_it_asked_for(
    clinic: ApiClient, log: Log, condition: str
) -> None:
    for own_id in "12":
        marges = care.session("planned", id=own_id, subject=care.reference(MARGE))
        clinic.put(f"/Encounter/{own_id}", marges)
    patients_named(log)
    request = {"method": "POST", "url": "Encounter", "ifNoneExist": condition}
    entry = {"request": request, "resource": care.session("planned")}
    assert clinic.post("/Encounter", care.session(), if_none_exist=condition).status == 412
    assert patients_named(log) == [[HOMER, MARGE]]
    for kind in ("batch", "transaction"):
        clinic.post("/", {"resourceType": "Bundle", "type": kind, "entry": [entry]})
        assert MARGE in {name for event in patients_named(log) for name in event}


@pytest.mark.parametrize(
    "url",
    [
        "/Encounter?_id=1&_summary=count",
        "/Encounter?_id=1&status=cancelled",
        "/Encounter?part-of=Encounter/1",
        "/Encounter?part-of=1&_count=0",
        "/Observation?encounter=Encounter/1",
        "/Observation?encounter=1&_count=0",
        "/Observation?encounter._id=1",
        "/Observation?encounter:Encounter._id=1",
        "/Communication?session=Encounter/1",
        "/Communication?part-of=Communication/t",
        "/Communication?part-of=https://fhir.example.org/fhir/R4/Communication/t&_count=0",
        f"{ORIGIN}/v1/encounters?partOfId=1",
        f"{ORIGIN}/v1/observations?encounterId=1",
        f"{ORIGIN}/v1/messages?threadId=t",
    ],
)
def test_a_search_without_matches_is_audited_for_the_patients_of_the_resources_it_asked_for(
    clinic: ApiClient, log: Log, url: str
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.put("/Communication/t", care.header(id="t"))
    patients_named(log)
    answer = clinic.get(url)
    assert answer.status == 200, answer.text
    assert patients_named(log) == [[HOMER]]


def test_the_query_of_a_patient_search_is_not_recorded(clinic: ApiClient, log: Log) -> None:
    asked = "Patient?identifier=https://clinic.example|secret-7"
    assert clinic.get(f"/Encounter?subject={asked}").status in (200, 400)
    assert clinic.post("/Encounter", care.session(subject=care.reference(asked))).status == 422
    assert patients_named(log) == [[], []]
    assert "secret-7" not in log.stream.getvalue()


def test_a_write_that_changes_the_patient_is_audited_for_the_former_patient_too(
    clinic: ApiClient, log: Log
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.put("/Encounter/1", care.session(id="1", subject=care.reference(MARGE)))
    assert patients_named(log) == [[HOMER], [HOMER, MARGE]]
