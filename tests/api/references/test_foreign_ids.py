"""People and places with ids of another system: `pt_abc123`, `prac_def456`."""

from dataclasses import replace
from typing import Any

import pytest

from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.support import care, refusals
from tests.support.api_client import ORIGIN, ApiClient
from tests.support.audit_pipeline import Log
from tests.support.practice import Practice

HOMER, ALICE = "Patient/pt_abc123", "Practitioner/prac_def456"
JSON = "application/json"
# From the documentation of the plain-JSON API that this one follows.
ENCOUNTER: dict[str, Any] = {
    "status": "in-progress",
    "class": "AMB",
    "patientId": "pt_abc123",
    "practitionerId": "prac_def456",
    "type": "Annual wellness visit",
    "serviceType": "General Practice",
    "reasonCode": "Routine health maintenance",
    "period": {"start": "2025-01-15T09:00:00Z"},
    "location": "Main Clinic - Room 204",
    "diagnosis": [
        {"condition": "Essential hypertension", "use": "AD", "rank": 1},
        {"condition": "Type 2 diabetes mellitus", "use": "DD", "rank": 2},
    ],
}
UPDATE = {
    "status": "finished",
    "period": {"start": "2025-01-15T09:00:00Z", "end": "2025-01-15T09:45:00Z"},
    "lengthMinutes": 45,
}
OBSERVATION = {
    "status": "final",
    "code": {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"},
    "patientId": "pt_abc123",
    "valueQuantity": {"value": 72, "unit": "beats/minute"},
}
NOTE = {
    "patientId": "pt_abc123",
    "authorId": "prac_def456",
    "title": "Visit Summary",
    "content": "Patient presents for annual wellness visit...",
    "type": "progress-note",
}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Capture what the functions log from the start of the test."""
    return Log(monkeypatch)


def session(**more: Any) -> dict[str, Any]:
    people: dict[str, Any] = {"participant": [{"individual": care.reference(ALICE)}]}
    return care.session(subject=care.reference(HOMER), **people, **more)


def header(**more: Any) -> dict[str, Any]:
    people = [care.reference(HOMER), care.reference(ALICE)]
    return care.header(subject=people[0], sender=people[0], recipient=people, **more)


def plain(clinic: ApiClient, method: str, path: str, body: Any = None) -> Any:
    answer = clinic.call(method, f"{ORIGIN}/v1/{path}", body, content_type=JSON)
    assert answer.status in (200, 201), answer.text
    return answer.body


def test_the_plain_example_is_created_updated_and_found_as_it_is_written(clinic: ApiClient) -> None:
    made = plain(clinic, "POST", "encounters", ENCOUNTER)["data"]
    assert {name: made[name] for name in ENCOUNTER} == ENCOUNTER
    stored = clinic.get(f"/Encounter/{made['id']}").body
    assert stored["subject"] == care.reference(HOMER)
    assert stored["participant"] == [{"individual": care.reference(ALICE)}]
    updated = plain(clinic, "PATCH", f"encounters/{made['id']}", UPDATE)["data"]
    assert {name: updated[name] for name in UPDATE} == UPDATE
    put = plain(clinic, "PUT", f"encounters/{made['id']}", ENCOUNTER | UPDATE)["data"]
    assert put["patientId"] == "pt_abc123"
    query = "patientId=pt_abc123&status=finished&dateFrom=2025-01-01&dateTo=2025-03-31"
    found = plain(clinic, "GET", f"encounters?{query}&sort=-date&count=20")["data"]
    assert [match["id"] for match in found] == [made["id"]]
    for value in ("prac_def456", "Practitioner/prac_def456"):
        found = plain(clinic, "GET", f"encounters?practitionerId={value}")["data"]
        assert [match["id"] for match in found] == [made["id"]]


def test_records_name_foreign_ids_too(clinic: ApiClient) -> None:
    encounter = plain(clinic, "POST", "encounters", ENCOUNTER)["data"]["id"]
    for name, body in (("observations", OBSERVATION), ("notes", NOTE)):
        made = plain(clinic, "POST", name, body | {"encounterId": encounter})["data"]
        assert made["patientId"] == "pt_abc123"
        for query in ("patientId=pt_abc123", f"encounterId={encounter}"):
            found = plain(clinic, "GET", f"{name}?{query}")["data"]
            assert [match["id"] for match in found] == [made["id"]], query


@pytest.mark.parametrize(
    "query",
    [
        "patient=Patient/pt_abc123",
        "patient=pt_abc123",
        "subject=pt_abc123",
        "subject:Patient=pt_abc123",
        "subject=Patient/pt_abc123/_history/2",
        "patient=Patient/pt_other,Patient/pt_abc123",
        "practitioner=prac_def456",
        "participant=Practitioner/prac_def456",
        "participant:Practitioner=prac_def456",
        "_has:Communication:encounter:sender=Patient/pt_abc123",
    ],
)
def test_searches_find_resources_that_name_foreign_ids(clinic: ApiClient, query: str) -> None:
    encounter_id = clinic.post("/Encounter", session()).id
    clinic.post("/Encounter", care.session())
    link = care.reference(f"Encounter/{encounter_id}")
    assert clinic.post("/Communication", header(encounter=link)).status == 201
    assert clinic.get(f"/Encounter?{query}").ids == [encounter_id]


def test_ids_of_resources_stored_here_follow_r4(clinic: ApiClient) -> None:
    for kind in ("Patient", "Encounter"):
        body = care.example(kind, id="pt_abc123")
        refusals.check(clinic.put(f"/{kind}/pt_abc123", body), 400, "invalid", f"{kind}.id")
    for text in ("Encounter/enc_xyz789", "Communication/msg_1"):
        answer = clinic.post("/Communication", care.header(about=[care.reference(text)]))
        refusals.check(answer, 400, "value", "Communication.about[0].reference")
    contained = [{"resourceType": "Patient", "id": "pt_abc123"}]
    body = care.visit(contained=contained, subject=care.reference("#pt_abc123"))
    refusals.check(clinic.post("/Encounter", body), 400, "value", "Encounter.contained[0].id")


def test_under_local_checks_references_follow_r4(practice: Practice) -> None:
    practice.configure(REFERENCE_CHECKS="local")
    answer = practice.clinic.post("/Encounter", session())
    places = ("Encounter.subject.reference", "Encounter.participant[0].individual.reference")
    refusals.check(answer, 400, "value", *places)
    device = care.header(about=[care.reference("Device/pump_1")])
    answer = practice.clinic.post("/Communication", device)
    refusals.check(answer, 400, "value", "Communication.about[0].reference")
    body = {"status": "planned", "class": "AMB", "patientId": "pt_abc123"}
    answer = practice.clinic.call("POST", f"{ORIGIN}/v1/encounters", body, content_type=JSON)
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (400, "#/patientId")
    assert practice.clinic.get(f"/Encounter?patient={HOMER}").ids == []


# ---- Visibility ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "caller",
    [
        ApiClient(role="patient", fhir_user=HOMER),
        ApiClient(role="patient", fhir_user="", claims={"patient": "pt_abc123"}),
        ApiClient(role="patient", fhir_user="", claims={"patient": HOMER}),
    ],
)
def test_a_patient_sees_and_writes_their_own(clinic: ApiClient, caller: ApiClient) -> None:
    own = clinic.post("/Encounter", session()).id
    other = clinic.post("/Encounter", care.session()).id
    assert caller.get("/Encounter").ids == [own]
    assert caller.get("/Encounter?patient=pt_abc123").ids == [own]
    assert (caller.get(f"/Encounter/{own}").status, caller.get(f"/Encounter/{other}").status) == (
        200,
        404,
    )
    thread = caller.post("/Communication", header())
    assert thread.status == 201, thread.text
    people: dict[str, Any] = {"subject": care.reference(HOMER), "sender": care.reference(HOMER)}
    assert caller.post("/Communication", care.message(thread.id, **people)).status == 201
    opened = caller.post(
        "/Encounter/$open-session", care.parameters(("thread", f"Communication/{thread.id}"))
    )
    assert opened.status in (200, 201), opened.text


def test_a_patient_scope_covers_the_patients_compartment(clinic: ApiClient) -> None:
    own = clinic.post("/Encounter", session()).id
    clinic.post("/Encounter", care.session())
    claims = {"scope": "patient/Encounter.rs", "patient": "pt_abc123"}
    caller = ApiClient(role="practitioner", fhir_user=ALICE, claims=claims)
    assert caller.get("/Encounter").ids == [own]


def test_a_session_opened_by_their_thread_names_them(practice: Practice) -> None:
    practice.configure(SESSION_POLICY="thread")
    thread = practice.clinic.post("/Communication", header()).id
    people: dict[str, Any] = {"subject": care.reference(HOMER), "sender": care.reference(HOMER)}
    assert practice.clinic.post("/Communication", care.message(thread, **people)).status == 201
    (opened,) = practice.sessions()
    assert opened["subject"] == care.reference(HOMER)
    individuals = [participant["individual"]["reference"] for participant in opened["participant"]]
    assert ALICE in individuals


def test_the_audit_trail_names_them(clinic: ApiClient, log: Log) -> None:
    encounter_id = replace(clinic, fhir_user=ALICE).post("/Encounter", session()).id
    log.deliver()
    auditor = ApiClient(role="auditor", fhir_user="Practitioner/aud_1")
    for query in (f"patient={HOMER}", "patient=pt_abc123", f"agent={ALICE}"):
        answer = auditor.get(f"/AuditEvent?{query}")
        assert len(answer.ids) == 1, answer.text
        (event,) = answer.resources
        whats = [entity["what"]["reference"] for entity in event["entity"] if "what" in entity]
        assert {f"Encounter/{encounter_id}/_history/1", HOMER} <= set(whats)
        assert event["agent"][0]["who"] == care.reference(ALICE)
        assert issues(fhirjson.loads(fhirjson.dumps(event)), "AuditEvent") == []


def test_a_day_of_their_messages_is_one_session(practice: Practice) -> None:
    practice.configure(
        SESSION_POLICY="daily", SESSION_SCOPE="patient", SESSION_TIME_ZONE="Europe/Berlin"
    )
    people: dict[str, Any] = {"subject": care.reference(HOMER), "sender": care.reference(HOMER)}
    for _ in range(2):
        thread = practice.clinic.post("/Communication", header()).id
        practice.post_message(thread, "2026-03-02 10:00", **people)
    assert practice.session()["subject"] == care.reference(HOMER)


@pytest.mark.parametrize("person", ["Person/1", "prac_def456", "https://ours.example/a b"])
def test_an_event_names_a_caller_without_a_valid_reference_by_an_identifier(
    clinic: ApiClient, log: Log, person: str
) -> None:
    replace(clinic, fhir_user=person).post("/Encounter", session())
    log.deliver()
    (event,) = ApiClient(role="auditor").get(f"/AuditEvent?patient={HOMER}").resources
    assert event["agent"][0]["who"] == {"identifier": {"value": person}}
    assert issues(fhirjson.loads(fhirjson.dumps(event)), "AuditEvent") == []
