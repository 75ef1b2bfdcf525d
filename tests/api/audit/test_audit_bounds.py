"""Every request leaves its event, however large the request, and no event prevents another."""

import json
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from shared.audit import events, journal
from shared.audit.trail import Trail
from shared.fhir import fhirjson
from shared.store import codec, keys, reading
from shared.store.dynamodb import client, table_name
from shared.store.operations import put as put_operation
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.audit_pipeline import Log, deliver_log_lines, journal_rows

pytestmark = pytest.mark.usefixtures("moto")

LARGEST_LINE = 256 * 1024
LONG = "https://elsewhere.example/" + "a" * 1_000_000 + "/Patient/1"


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Capture what the functions log from the start of the test."""
    return Log(monkeypatch)


def overwrite(encounter_id: str, **changes: Any) -> None:
    """Overwrite a stored Encounter with one that only an older release could have written."""
    record = reading.current("-", "Encounter", encounter_id)
    assert record
    address = keys.encounter("-", encounter_id)
    key = {"pk": {"S": address.pk}, "sk": {"S": address.sk}}
    item = client().get_item(TableName=table_name(address.table), Key=key)["Item"]
    json_ = fhirjson.dumps(record.resource | changes)
    packed = {"resource": {"B": codec.pack(json_, json.dumps(record.rows).encode())}}
    operation = put_operation(address, item | packed)["Put"]
    client().put_item(TableName=operation["TableName"], Item=operation["Item"])


def new_event_ids() -> set[str]:
    """Return the ids of the new events."""
    return {entry.id for row in journal_rows() for entry in journal.row_entries(row)}


@pytest.mark.parametrize(
    ("element", "expression"),
    [
        ({"subject": {"reference": LONG}}, "Encounter.subject.reference"),
        ({"basedOn": [{"reference": LONG}]}, "Encounter.basedOn[0].reference"),
        (
            {"extension": [{"url": "https://a.example", "valueReference": {"reference": LONG}}]},
            "Encounter.extension[0].valueReference.reference",
        ),
        (
            {"subject": {"reference": "Patient?identifier=" + "1" * 3000}},
            "Encounter.subject.reference",
        ),
    ],
)
def test_a_reference_of_more_than_2_kilobytes_is_refused(
    clinic: ApiClient, element: dict[str, Any], expression: str
) -> None:
    answer = clinic.post("/Encounter", care.session(**element))
    assert answer.status in (400, 422)
    assert answer.expressions == [expression]


def test_a_reference_of_2_kilobytes_is_not_too_long(clinic: ApiClient) -> None:
    begin, end = "https://elsewhere.example/", "/Patient/1"
    reference = begin + "a" * (2048 - len(begin) - len(end)) + end
    answer = clinic.post("/Communication", care.header(about=[{"reference": reference}]))
    assert answer.status == 201, answer.text
    sent = care.header(recipient=[{"reference": reference}])
    assert clinic.post("/Communication", sent).status == 201


def test_reading_an_overlong_stored_reference_is_still_audited(clinic: ApiClient, log: Log) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    whole = reading.current("-", "Encounter", "1")
    assert whole
    overwrite("1", subject={"reference": LONG})
    log.clear()
    handler, event = clinic.handler_and_event(
        "GET", "/Encounter/1"
    )  # the answer is not a valid resource
    assert handler(event, None)["statusCode"] == 200
    assert all(len(line) < LARGEST_LINE for line in log.lines)
    (told,) = log.deliver()
    AuditEvent.model_validate(told)
    (patient,) = (entity for entity in told["entity"] if entity["role"]["code"] == "1")
    assert patient["what"] == {"identifier": {"value": events.shortened(LONG)}}
    overwrite("1", **whole.resource)


def test_an_event_about_many_patients_is_logged_in_several_lines() -> None:
    people = [f"Patient/{'p' * 60}{number}" for number in range(3000)]
    trail = Trail(has_token=True)
    lines = trail.log_fields(
        200,
        [{"resourceType": "Observation", "subject": {"reference": person}} for person in people],
    )
    assert len(lines) > 1
    assert all(len(fhirjson.dumps(line)) < LARGEST_LINE / 2 for line in lines)
    told = [patient for line in lines for patient in line["audit"]["event"]["patients"]]
    assert sorted(told) == sorted(people)
    ids = {line["audit"]["id"] for line in lines}
    assert len(ids) == len(lines)
    for _ in range(2):
        assert deliver_log_lines(json.dumps(line) for line in lines) == len(lines)
    assert new_event_ids() == ids


def test_a_refusal_lists_at_most_twenty_problems(clinic: ApiClient, log: Log) -> None:
    wrong = [{"use": "bogus", "value": number} for number in range(500)]
    assert clinic.post("/Encounter", care.session(identifier=wrong)).status == 400
    (line,) = map(json.loads, log.lines)
    assert len(line["issues"]) == 20


def test_a_long_list_of_parameter_names_is_logged_in_part(clinic: ApiClient, log: Log) -> None:
    names = "&".join(f"_{'a' * (number % 20 + 1)}{'b' * (number // 20)}=1" for number in range(200))
    clinic.get(f"/Encounter?{names}")
    (line,) = map(json.loads, log.lines)
    assert len(line["parameters"]) == 20


def test_a_search_by_very_many_parameters_has_a_short_line(clinic: ApiClient, log: Log) -> None:
    form = "&".join(["status=finished"] * 5000)
    handler, event = clinic.handler_and_event(
        "POST", "/Encounter/_search", form, content_type="application/x-www-form-urlencoded"
    )
    assert handler(event, None)["statusCode"] in (200, 400, 422)
    assert all(len(line) < 5000 for line in log.lines)


def test_the_claims_copied_into_an_event_are_bounded(log: Log) -> None:
    caller = ApiClient(fhir_user=f"https://elsewhere.example/{'a' * 9000}/Practitioner/1")
    caller.get("/Encounter/1")
    assert all(len(line) < 5000 for line in log.lines)
    (event,) = log.deliver()
    AuditEvent.model_validate(event)


def test_all_groups_of_a_caller_are_recorded(log: Log) -> None:
    groups = [f"department-{number}" for number in range(50)]
    ApiClient(claims={"cognito:groups": f"[{' '.join(groups)}]"}).get("/Encounter/1")
    (event,) = log.deliver()
    assert {role["text"].strip("[]") for role in event["agent"][0]["role"]} == {*groups}


def test_an_event_that_cannot_be_stored_does_not_lose_the_others(
    clinic: ApiClient, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(5):
        clinic.get(f"/Encounter/{number}")
    lines = log.lines
    said = json.loads(lines[2])
    said["audit"]["event"]["request"] = "".join(f"{n * 7919:x}" for n in range(200_000))
    capsys.readouterr()
    assert deliver_log_lines([*lines[:2], json.dumps(said), *lines[3:]]) == 4
    assert len(new_event_ids()) == 4
    assert '"RequestsUnaudited":[1.0]' in capsys.readouterr().out


@pytest.mark.parametrize(
    "broken",
    [
        '{"level":"INFO","message":"request","audit":{"id":"01M',
        '{"audit":{"id":"01M7YZ0TYTZMWDJ4B6Z5MXHB70"}}',
        '{"audit":{"id":"x","tenant":"-","event":{"at":"yesterday"}}}',
        '{"audit":[1]}',
    ],
)
def test_a_line_that_cannot_be_read_is_counted(
    clinic: ApiClient, log: Log, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    clinic.get("/Encounter/1")
    capsys.readouterr()
    assert deliver_log_lines([broken, *log.lines]) == 1
    assert '"RequestsUnaudited":[1.0]' in capsys.readouterr().out


def test_other_log_lines_are_not_counted_as_unreadable(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        deliver_log_lines(
            ["", "audit", "REPORT RequestId: audit", '{"message":"audit"}', "[1]", "1"]
        )
        == 0
    )
    assert "RequestsUnaudited" not in capsys.readouterr().out


@pytest.mark.parametrize("path", ["/OperationDefinition/_x", "/metadata/x", "/SearchParameter/a/b"])
def test_a_request_without_a_token_leaves_no_event(log: Log, path: str) -> None:
    handler, event = ApiClient().handler_and_event("GET", path)
    del event["requestContext"]["authorizer"]
    assert handler(event, None)["statusCode"] == 404
    assert log.deliver() == []
    assert "audit" not in json.loads(log.lines[0])
