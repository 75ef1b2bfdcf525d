"""The audit trail: which event each request leaves, and who may read it."""

from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from functions import audit_index
from shared import settings
from shared.catalog import access_patterns as patterns
from shared.catalog.interactions import INTERACTIONS
from shared.catalog.roles import ADMIN, AUDITOR, ROLES
from shared.fhir import instants
from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.audit_pipeline import Log, deliver_log_lines, journal_rows, write_event_rows
from tests.support.consistency import scan, stored_items

pytestmark = pytest.mark.usefixtures("moto_services")

AUDITOR_CALLS = ApiClient(role="auditor", fhir_user="")


@pytest.fixture(autouse=True, params=[False, True], ids=["new", "archived"])
def log(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Log:
    """Capture the log from the start of the test; some parameters have it archived."""
    return Log(monkeypatch, archives=request.param)


def summary_of(event: dict[str, Any]) -> tuple[str, str, str]:
    """Return an AuditEvent's interaction, action and outcome."""
    subtypes = event.get("subtype", [{"code": ""}])
    return subtypes[0]["code"], event["action"], event["outcome"]


def in_order(events: list[dict[str, Any]]) -> list[str]:
    """Return the ids of events by date; two events may share a millisecond."""
    return [event["id"] for event in sorted(events, key=lambda one: (one["recorded"], one["id"]))]


def references_of(event: dict[str, Any]) -> list[str]:
    return [entity["what"]["reference"] for entity in event["entity"] if "what" in entity]


def test_every_interaction_leaves_one_valid_event(clinic: ApiClient, log: Log) -> None:
    session = clinic.put("/Encounter/1", care.session(id="1"))
    assert session.status == 201
    clinic.get("/Encounter/1")
    clinic.call("HEAD", "/Encounter/1")
    clinic.get("/Encounter/1/_history")
    clinic.get("/Encounter/1/_history/1")
    clinic.get("/Encounter?patient=Patient/homer-simpson&_count=1")
    clinic.get("/Encounter/1/$everything")
    clinic.post("/Encounter/1/$close-session", {"resourceType": "Parameters"})
    clinic.administrator.delete("/Encounter/1")
    events = log.deliver()
    for event in events:
        AuditEvent.model_validate(event)
        assert event["agent"][0]["who"] == {"reference": "Practitioner/doctor-alice-smith"}
    assert [summary_of(event) for event in events] == [
        ("update", "U", "0"),
        ("read", "R", "0"),
        ("read", "R", "0"),
        ("history-instance", "R", "0"),
        ("vread", "R", "0"),
        ("search-type", "E", "0"),
        ("operation", "E", "0"),
        ("operation", "E", "0"),
        ("delete", "D", "0"),
    ]
    homer = "Patient/homer-simpson"
    assert references_of(events[0]) == ["Encounter/1/_history/1", homer]
    assert references_of(events[1]) == ["Encounter/1", homer]
    assert references_of(events[4]) == ["Encounter/1/_history/1", homer]
    assert references_of(events[5]) == [homer]
    names = [detail["valueString"] for detail in events[5]["entity"][0]["detail"]]
    assert {"_count", "patient"} <= set(names)


BART = care.reference("Patient/bart-simpson")
ABOUT_BART: list[tuple[str, dict[str, Any]]] = [
    ("Observation", {"subject": BART}),
    ("Task", {"for": BART}),
    ("RelatedPerson", {"patient": BART}),
    ("Appointment", {"participant": [{"actor": BART, "status": "accepted"}]}),
    ("CareTeam", {"subject": BART}),
]


@pytest.mark.parametrize(("kind", "named"), ABOUT_BART)
def test_an_event_names_the_patient_of_its_resource(
    clinic: ApiClient, log: Log, kind: str, named: dict[str, Any]
) -> None:
    url = f"/{kind}/own"
    assert clinic.put(url, care.example(kind, id="own", **named)).status == 201
    clinic.get(url)
    clinic.get(f"/{kind}")
    assert clinic.administrator.delete(url).status == 204
    events = log.deliver()
    for event in events:
        AuditEvent.model_validate(event)
        assert references_of(event)[-1] == BART["reference"]
    by_patient = AUDITOR_CALLS.get("/AuditEvent?patient=bart-simpson")
    assert sorted(by_patient.ids) == sorted(event["id"] for event in events)


def test_an_event_about_a_patient_names_them(clinic: ApiClient, log: Log) -> None:
    clinic.put("/Patient/bart-simpson", care.example("Patient", id="bart-simpson"))
    clinic.get("/Patient/bart-simpson")
    clinic.get("/Patient?family=simpson")
    clinic.administrator.delete("/Patient/bart-simpson")
    for event in log.deliver():
        assert references_of(event)[-1] == BART["reference"]
    group = care.reference("Group/family")
    clinic.put("/Observation/own", care.example("Observation", id="own", subject=group))
    (event,) = log.deliver()[4:]
    assert references_of(event) == ["Observation/own/_history/1"]


def test_a_refused_request_is_audited_too(clinic: ApiClient, log: Log) -> None:
    nurse = ApiClient(role="nurse")
    answers = [
        clinic.get("/Encounter/nowhere"),
        clinic.post("/Encounter", {"resourceType": "Encounter"}),
        nurse.get("/Encounter/1"),
        ApiClient(claims={"token_use": "id"}).get("/Encounter/1"),
        clinic.get("/Encounter?x=1"),
        clinic.get("/nothing/1/2/3"),
        clinic.call("DELETE", "/metadata"),
        clinic.get("/AuditEvent"),
    ]
    events = log.deliver()
    assert len(events) == len(answers)
    for event, answer in zip(events, answers, strict=True):
        AuditEvent.model_validate(event)
        assert event["outcome"] == "4"
        assert event["outcomeDesc"].startswith(str(answer.status))
        assert event["agent"][0]["altId"].startswith("user-")
    assert references_of(events[2]) == ["Encounter/1"]
    assert {event["agent"][0].get("role", [{}])[0].get("text") for event in events} == {
        "practitioner",
        "nurse",
        None,
    }


def test_a_write_is_audited_once_whatever_its_log_line_says(clinic: ApiClient, log: Log) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    before = stored_items()
    log.deliver()
    assert [row["pk"] for row in write_event_rows()] == [item["pk"] for item in before[-1]]
    # A write without a change has no transaction: only its log line records it.
    same = clinic.get("/Encounter/1").body
    assert clinic.put("/Encounter/1", same).version == "1"
    assert [summary_of(event)[0] for event in log.deliver()] == ["update", "read", "update"]


def test_a_deleted_parent_is_not_deleted_again_by_a_child_that_reopens(
    clinic: ApiClient, log: Log
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    child = care.medical_encounter("1", care.HOMER, id="2", status="finished")
    clinic.put("/Encounter/2", child)
    clinic.administrator.delete("/Encounter/1")
    assert clinic.put("/Encounter/2", child | {"status": "in-progress"}).status == 200
    deleted, reopened = log.deliver()[2:]
    lifecycles = {
        entity["what"]["reference"]: entity["lifecycle"]["code"]
        for entity in reopened["entity"]
        if "lifecycle" in entity
    }
    assert deleted["entity"][0]["lifecycle"]["code"] == "14"
    assert lifecycles == {"Encounter/1/_history/2": "3", "Encounter/2/_history/2": "3"}


def test_duplicate_log_lines_and_events_are_stored_once(clinic: ApiClient, log: Log) -> None:
    clinic.get("/Encounter/1")
    (event,) = log.deliver()
    before = stored_items()
    assert log.deliver() == [event]
    assert stored_items() == before
    # Together with other events they are stored in other rows and other objects.
    clinic.get("/Encounter/1")
    both = log.deliver()
    for query in ("entity=Encounter/1", "date=2026"):
        ids = AUDITOR_CALLS.get(f"/AuditEvent?{query}").ids
        assert sorted(ids) == sorted(resource["id"] for resource in both)


def test_other_log_lines_are_ignored() -> None:
    texts = ["", "audit", "REPORT RequestId: audit", '{"message":"audit"}', "[1]", '"audit"', "1"]
    assert deliver_log_lines(texts) == 0
    audit_index.handler({"Records": [{"eventName": "REMOVE", "dynamodb": {"Keys": {}}}]}, None)
    assert write_event_rows() == []


def test_events_are_found_by_their_resources(clinic: ApiClient, log: Log) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.get("/Encounter/1")
    clinic.get("/Encounter/2")
    ApiClient(role="admin", fhir_user="").get("/Encounter/1")
    events = log.deliver()
    written, read, missed, admins = (event["id"] for event in events)
    by_date = in_order(events)
    now = instants.now()
    ago, ahead = ((now + timedelta(hours=n)).isoformat().replace("+00:00", "Z") for n in (-1, 1))
    for query, expected in {
        "entity=Encounter/1": [written, read, admins],
        "entity=Encounter/2": [missed],
        "entity=2": [missed],
        "entity=Patient/homer-simpson": [written, read, admins],
        "patient=Patient/homer-simpson": [written, read, admins],
        "patient=homer-simpson&action=R": [read, admins],
        "patient=Patient/marge-simpson": [],
        "agent=Practitioner/doctor-alice-smith": [written, read, missed],
        "agent:identifier=user-admin": [admins],
        "agent=Practitioner/doctor-alice-smith&outcome=4": [missed],
        "outcome=0": [written, read, admins],
        "type=rest": [written, read, missed, admins],
        "subtype=http://hl7.org/fhir/restful-interaction|update": [written],
        f"date=gt{ago}": [written, read, missed, admins],
        f"date=gt{ahead}": [],
        f"_lastUpdated=lt{ahead}&subtype=read": [read, missed, admins],
        f"_id={read},{written}": [read, written],
        "_sort=date": by_date,
        "_sort=-date&_count=2": by_date[:1:-1],
        "": [written, read, missed, admins],
    }.items():
        answer = AUDITOR_CALLS.get(f"/AuditEvent?{query}")
        assert answer.status == 200, answer.text
        if "_sort" in query:
            assert answer.ids == expected, query
        else:
            assert sorted(answer.ids) == sorted(expected), query


def test_an_event_is_read_by_its_id(clinic: ApiClient, log: Log) -> None:
    clinic.get("/Encounter/1")
    (event,) = log.deliver()
    answer = AUDITOR_CALLS.get(f"/AuditEvent/{event['id']}")
    assert (answer.status, answer.body) == (200, event)
    refusals.check(AUDITOR_CALLS.get("/AuditEvent/1"), 404, "not-found")
    for other in (f"{event['id']}%23", "-%23"):
        refusals.check(AUDITOR_CALLS.get(f"/AuditEvent/{other}"), 400, "invalid", "Resource.id")


def test_reading_the_audit_trail_is_audited(log: Log) -> None:
    AUDITOR_CALLS.get("/AuditEvent?date=2026&_count=0")
    AUDITOR_CALLS.get("/AuditEvent/1")
    assert [summary_of(event)[0] for event in log.deliver()] == ["search-type", "read"]
    assert references_of(log.deliver()[1]) == ["AuditEvent/1"]


@pytest.mark.parametrize("role", [*sorted(ROLES.keys() - {ADMIN, AUDITOR}), "nurse", ""])
def test_only_auditors_and_administrators_read_the_audit_trail(role: str) -> None:
    caller = ApiClient(role=role, fhir_user="Patient/homer-simpson")
    for path in ("/AuditEvent", "/AuditEvent/1", "/AuditEvent?entity=Encounter/1"):
        refusals.check(caller.get(path), 403, "forbidden")
    assert caller.post("/AuditEvent/_search", None).status == 403


@pytest.mark.parametrize("role", [ADMIN, AUDITOR])
def test_nobody_can_change_the_audit_trail(role: str) -> None:
    caller, before = ApiClient(role=role), stored_items()
    refusals.check(caller.post("/AuditEvent", {"resourceType": "AuditEvent"}), 405, "not-supported")
    for method in ("PUT", "PATCH", "DELETE"):
        refusals.check(caller.call(method, "/AuditEvent/1", {}), 405, "not-supported")
    refusals.check(caller.get("/AuditEvent/1/_history"), 404, "not-found")
    assert stored_items() == before


def test_the_audit_trail_can_be_paged_through(clinic: ApiClient, log: Log) -> None:
    for number in range(7):
        clinic.get(f"/Encounter/{number}")
    events = log.deliver()
    url, found = "/AuditEvent?_count=3&_sort=date", []
    while url:
        page = AUDITOR_CALLS.get(url)
        found += page.ids
        links = {link["relation"]: link["url"] for link in page.body["link"]}
        url = links.get("next", "")
    assert found == in_order(events)


def test_an_event_cannot_be_requested_in_part() -> None:
    refusals.check(AUDITOR_CALLS.get("/AuditEvent?_summary=true"), 400, "invalid", "_summary")
    assert AUDITOR_CALLS.get("/AuditEvent?_summary=count").status == 200


def test_an_event_about_several_patients_is_found_by_each_of_them(
    clinic: ApiClient, log: Log
) -> None:
    people = [f"Patient/{'p' * 50}-{number}" for number in range(50)]
    for person in people:
        clinic.post("/Encounter", care.session(subject={"reference": person}))
    clinic.get("/Encounter?_count=50")
    log.deliver()
    for person in (people[0], people[-1]):
        matches = AUDITOR_CALLS.get(f"/AuditEvent?patient={person}&subtype=search-type").resources
        assert len(matches) == 1
        assert set(references_of(matches[0])) == set(people)


# The deployment's retention of events and of the index, and the resulting days of each row.
EXPIRY = [((10, 3), (10, 3)), ((10, 30), (10, 10)), ((0, 3), (0, 3)), ((0, 0), (0, 0))]


@pytest.mark.parametrize(("said", "expected"), EXPIRY)
def test_rows_expire_after_the_configured_retention(
    clinic: ApiClient,
    log: Log,
    monkeypatch: pytest.MonkeyPatch,
    said: tuple[int, int],
    expected: tuple[int, int],
) -> None:
    for name, days in zip(("AUDIT_RETENTION_DAYS", "AUDIT_INDEX_DAYS"), said, strict=True):
        monkeypatch.setenv(name, str(days))
    settings.settings.cache_clear()
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.get("/Encounter/1")
    log.deliver()
    log.archives = True
    log.deliver()
    index = [row for row in scan(patterns.AUDIT) if row["sk"]["S"] != "event"]
    assert days_left(write_event_rows()) == {expected[0]}
    assert days_left(index) == {expected[1]}


def days_left(found: list[dict[str, Any]]) -> set[int]:
    """Return in how many days rows expire, 0 for never."""
    now = instants.now().timestamp()
    seconds = (int(row["expires"]["N"]) - now if "expires" in row else 0 for row in found)
    return {round(duration / (24 * 3600)) for duration in seconds}


def test_new_events_stay_in_their_rows_for_a_week(clinic: ApiClient, log: Log) -> None:
    log.archives = False
    clinic.get("/Encounter/1")
    log.deliver()
    assert days_left(journal_rows()) == {7}


def test_public_requests_are_not_audited(log: Log) -> None:
    ApiClient(role="").get("/metadata")
    assert log.deliver() == []
    assert all(row.audit_action for row in INTERACTIONS if not row.public)
