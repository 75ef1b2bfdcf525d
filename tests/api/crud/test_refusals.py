"""Violations of R4 or of this service's rules are refused, and nothing is written."""

from typing import Any

import pytest

from shared import settings
from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.consistency import stored_items
from tests.support.steps import end, open_session

OPEN = ("planned", "arrived", "triaged", "in-progress", "onleave", "unknown")
AFTER = {
    **{status: set(care.ENCOUNTER_STATUSES) for status in OPEN},
    "finished": {"finished", "in-progress", "cancelled", "entered-in-error"},
    "cancelled": {"cancelled", "entered-in-error"},
    "entered-in-error": {"entered-in-error"},
}


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


NOTE = {"url": "https://clinic.example/note", "valueString": "by telephone"}
LINK = {"type": "seealso", "other": care.reference("#")}

ILL_FORMED: list[tuple[dict[str, Any], str, str]] = [
    (care.session("bogus"), "code-invalid", "Encounter.status"),
    (without(care.session(), "status"), "required", "Encounter.status"),
    (without(care.session(), "class"), "required", "Encounter.class"),
    (care.session(colour="red"), "structure", "Encounter.colour"),
    (care.session(subject={"reference": "Patient/1", "x": 1}), "structure", "Encounter.subject.x"),
    (care.session(priority="urgent"), "structure", "Encounter.priority"),
    (care.session(type={"text": "chat"}), "structure", "Encounter.type"),
    (care.session(length={"value": "15"}), "value", "Encounter.length.value"),
    (
        care.session(length={"value": 15, "code": "min", "system": "https://units.example"}),
        "invariant",
        "Encounter.length",
    ),
    (care.session(subject=care.reference("Location/1")), "value", "Encounter.subject.reference"),
    (
        care.session(period={"start": "2026-11-21", "end": "2026-11-20"}),
        "invariant",
        "Encounter.period",
    ),
    (care.session(period={"start": "2026-02-30"}), "value", "Encounter.period.start"),
    (care.session(subject=care.reference("#nobody")), "invariant", "Encounter.subject"),
    (care.session(_id={"extension": [NOTE]}), "structure", "Encounter._id"),
    (
        care.session(extension=[NOTE | {"_url": {"extension": [NOTE]}}]),
        "structure",
        "Encounter.extension[0]._url",
    ),
    (
        care.session(contained=[{"resourceType": "Patient", "link": [LINK]}]),
        "invariant",
        "Encounter.contained[0].id",
    ),
    (
        care.session(contained=[{"resourceType": "Patient", "id": "a", "link": [LINK]}] * 2),
        "invariant",
        "Encounter.contained[1].id",
    ),
    (
        care.example("Condition", clinicalStatus={"coding": [{"code": "better"}]}),
        "code-invalid",
        "Condition.clinicalStatus",
    ),
    (
        care.example("Appointment", cancelationReason={"text": "rain"}),
        "invariant",
        "Appointment",
    ),
    (
        care.session(participant=[{}, {"individual": care.reference("Patient/1")}]),
        "value",
        "Encounter.participant[1].individual.reference",
    ),
    (care.header(status="sent"), "code-invalid", "Communication.status"),
    (care.header(priority="soon"), "code-invalid", "Communication.priority"),
    (
        care.header(payload=[{}, {"contentString": 5}]),
        "value",
        "Communication.payload[1].contentString",
    ),
    (care.header(sent="2026-11-20T09:00"), "value", "Communication.sent"),
    (care.header(sent="yesterday"), "value", "Communication.sent"),
]


@pytest.mark.parametrize(("body", "code", "place"), ILL_FORMED)
def test_a_violation_of_r4_is_refused_at_its_element(
    clinic: ApiClient, body: dict[str, Any], code: str, place: str
) -> None:
    before = stored_items()
    answers = [
        clinic.post(f"/{body['resourceType']}", body),
        clinic.put(f"/{body['resourceType']}/own", body | {"id": "own"}),
    ]
    for answer in answers:
        refusals.check(answer, 400, code, place)
        assert answer.body["issue"][0]["diagnostics"]
    assert stored_items() == before


def test_every_issue_is_reported_at_once(clinic: ApiClient) -> None:
    body = without(care.session("bogus", colour="red", length={"value": "15"}), "class")
    answer = clinic.post("/Encounter", body)
    assert answer.status == 400
    assert {issue["code"] for issue in answer.body["issue"]} == {
        "code-invalid",
        "required",
        "structure",
        "value",
    }
    assert set(answer.expressions) == {
        "Encounter.status",
        "Encounter.class",
        "Encounter.colour",
        "Encounter.length.value",
    }
    for issue in answer.body["issue"]:
        assert issue["details"]["text"]
        assert issue["diagnostics"]


def test_a_class_may_lack_its_code(clinic: ApiClient) -> None:
    body = care.session() | {"class": {"display": "by chat"}}
    assert clinic.post("/Encounter", body).status == 201


@pytest.mark.parametrize("status", care.ENCOUNTER_STATUSES)
def test_an_encounter_may_begin_in_any_status_that_r4_has(clinic: ApiClient, status: str) -> None:
    assert clinic.post("/Encounter", care.session(status)).body["status"] == status


@pytest.mark.parametrize("status", care.COMMUNICATION_STATUSES)
def test_a_communication_may_have_any_status_after_any(clinic: ApiClient, status: str) -> None:
    body = care.header(status=status, sender=care.reference(care.ALICE))
    path = f"/Communication/{clinic.post('/Communication', body).id}"
    for other in care.COMMUNICATION_STATUSES:
        change = [{"op": "replace", "path": "/status", "value": other}]
        assert clinic.patch(path, change).body["status"] == other
        change = [{"op": "replace", "path": "/status", "value": status}]
        assert clinic.patch(path, change).body["status"] == status


@pytest.mark.parametrize("before", care.ENCOUNTER_STATUSES)
def test_an_encounters_status_may_change_only_as_the_rules_say(
    clinic: ApiClient, before: str
) -> None:
    for after in care.ENCOUNTER_STATUSES:
        created = clinic.post("/Encounter", care.session(before))
        path = f"/Encounter/{created.id}"
        answer = clinic.patch(path, [{"op": "replace", "path": "/status", "value": after}])
        if after in AFTER[before]:
            assert (answer.status, answer.body["status"]) == (200, after)
        else:
            refusals.check(answer, 422, "business-rule", "Encounter.status")
            assert clinic.get(path).text == created.text


@pytest.mark.parametrize(
    "period",
    [
        {"start": "2013-03-11T10:00:00Z", "end": "2013-03-11"},
        {"start": "2013-03-11T10:00:00Z", "end": "2013"},
        {"start": "2013-03-11", "end": "2013-03-11"},
        {"start": "2013-03-11T10:00:00+02:00", "end": "2013-03-11T09:00:00Z"},
        {"end": "2013"},
    ],
)
def test_a_period_that_is_possibly_in_order_is_accepted(
    clinic: ApiClient, period: dict[str, str]
) -> None:
    answer = clinic.post("/Encounter", care.visit(period=period))
    assert (answer.status, answer.body.get("period")) == (201, period)


@pytest.mark.parametrize(
    "period",
    [
        {"start": "2013-03-11T10:00:00Z", "end": "2013-03-10"},
        {"start": "2013-03-11T10:00:00Z", "end": "2013-03-11T09:59:59.999Z"},
        {"start": "2014", "end": "2013-12-31"},
    ],
)
def test_a_period_that_ends_before_it_starts_is_refused(
    clinic: ApiClient, period: dict[str, str]
) -> None:
    answer = clinic.post("/Encounter", care.visit(period=period))
    refusals.check(answer, 400, "invariant", "Encounter.period")


def test_days_are_those_of_the_deployments_zone(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = care.visit(period={"start": "2013-03-11T23:30:00Z", "end": "2013-03-11"})
    assert clinic.post("/Encounter", late).status == 201
    monkeypatch.setenv("SESSION_TIME_ZONE", "Asia/Tokyo")
    settings.settings.cache_clear()
    refusals.check(clinic.post("/Encounter", late), 400, "invariant", "Encounter.period")


def history(clinic: ApiClient, encounter_id: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = clinic.get(f"/Encounter/{encounter_id}").body.get(
        "statusHistory", []
    )
    return entries


def entered(clinic: ApiClient, encounter_id: str) -> str:
    instant: str = clinic.get(f"/Encounter/{encounter_id}").body["meta"]["lastUpdated"]
    return instant


def test_the_previous_status_is_added_to_the_history_with_its_period(clinic: ApiClient) -> None:
    own_id = open_session(clinic, status="planned")
    begun = entered(clinic, own_id)
    clinic.patch(f"/Encounter/{own_id}", [{"op": "add", "path": "/language", "value": "de"}])
    assert history(clinic, own_id) == []
    end(clinic, own_id, "arrived")
    arrived = entered(clinic, own_id)
    end(clinic, own_id, "in-progress")
    assert history(clinic, own_id) == [
        {"status": "planned", "period": {"start": begun, "end": arrived}},
        {"status": "arrived", "period": {"start": arrived, "end": entered(clinic, own_id)}},
    ]


def test_a_put_that_omits_the_history_keeps_the_stored_one(clinic: ApiClient) -> None:
    own_id = open_session(clinic, status="planned")
    end(clinic, own_id, "arrived")
    kept = history(clinic, own_id)
    answer = clinic.put(f"/Encounter/{own_id}", care.session("arrived", id=own_id, language="de"))
    assert answer.body["statusHistory"] == kept
    clinic.put(f"/Encounter/{own_id}", care.session("triaged", id=own_id))
    assert history(clinic, own_id)[:1] == kept
    assert [version["status"] for version in history(clinic, own_id)] == ["planned", "arrived"]


def test_a_history_entry_already_in_the_body_is_not_duplicated(clinic: ApiClient) -> None:
    own_id = open_session(clinic, status="planned")
    own = [{"status": "planned", "period": {"start": "2026-11-01", "end": "2026-11-02"}}]
    body = care.session("arrived", id=own_id, statusHistory=own)
    assert clinic.put(f"/Encounter/{own_id}", body).body["statusHistory"] == own


def test_an_open_history_entry_of_the_previous_status_is_ended(clinic: ApiClient) -> None:
    ongoing = [{"status": "planned", "period": {"start": "2026-11-01"}}]
    own_id = open_session(clinic, status="planned", statusHistory=ongoing)
    end(clinic, own_id, "arrived")
    ended = {"start": "2026-11-01", "end": entered(clinic, own_id)}
    assert history(clinic, own_id) == [{"status": "planned", "period": ended}]


def test_the_class_history_is_left_to_the_client(clinic: ApiClient) -> None:
    was = [{"class": {"code": "AMB"}, "period": {"start": "2026-11-01"}}]
    own_id = open_session(clinic, classHistory=was)
    path = f"/Encounter/{own_id}"
    changed = care.visit(id=own_id, classHistory=was)
    assert clinic.put(path, changed).body["classHistory"] == was
    assert "classHistory" not in clinic.put(path, care.session(id=own_id)).body
