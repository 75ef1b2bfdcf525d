"""Subscriptions as resources: they are written, read and found like all others."""

from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.practice import Practice
from tests.support.subscriptions import ENDPOINT, channel, replaced, subscription

HOMER = ApiClient(role="patient", fhir_user="Patient/homer-simpson")
BART = ApiClient(role="patient", fhir_user="Patient/bart-simpson")


def test_it_is_created_read_changed_and_deleted(clinic: ApiClient) -> None:
    created = clinic.post("/Subscription", subscription())
    assert (created.status, created.body["status"]) == (201, "requested"), created.text
    url = f"/Subscription/{created.id}"
    assert clinic.get(url).body == created.body
    assert clinic.put(url, created.body | {"reason": "Billing"}).version == "2"
    off = clinic.patch(url, replaced("/status", "off"))
    assert (off.status, off.body["status"]) == (200, "off")
    assert clinic.get(f"{url}/_history").body["total"] == 3
    assert clinic.get(f"{url}/_history/1").body == created.body
    assert clinic.delete(url).status == 403
    assert clinic.administrator.delete(url).status == 204
    assert clinic.get(url).status == 410
    assert clinic.put(url, created.body).status == 201


@pytest.mark.parametrize(
    "query",
    [
        "status=requested",
        "type=rest-hook",
        "payload=application/fhir%2Bjson",
        f"url={ENDPOINT}",
        "criteria=communication",
        "contact=+15551234567",
    ],
)
def test_it_is_found_by_the_parameters_of_r4(clinic: ApiClient, query: str) -> None:
    contact = [{"system": "phone", "value": "+15551234567"}]
    created = clinic.post("/Subscription", subscription(contact=contact, channel=channel()))
    other = channel(endpoint="https://other.example.com")
    clinic.post("/Subscription", subscription("Encounter?", status="off", channel=other))
    found = clinic.get(f"/Subscription?{query}").ids
    assert created.id in found
    assert len(clinic.get("/Subscription?status=off&criteria=encounter").ids) == 1


@pytest.mark.parametrize(
    ("changes", "expression"),
    [
        ({"type": "websocket"}, "type"),
        ({"type": "email", "endpoint": "mailto:homer@example.com"}, "type"),
        ({"payload": "application/fhir+xml"}, "payload"),
        ({"payload": "application/json"}, "payload"),
        ({"endpoint": "http://chat.example.com"}, "endpoint"),
        ({"endpoint": "https://user:word@chat.example.com"}, "endpoint"),
        ({"endpoint": "https://10.0.0.1/hook"}, "endpoint"),
        ({"endpoint": "https://[::1]/hook"}, "endpoint"),
        ({"endpoint": "https://localhost/hook"}, "endpoint"),
        ({"endpoint": "urn:uuid:0c3201bd-1cbf-4d64-b04d-cd9187a4c6e0"}, "endpoint"),
        ({"header": ["no colon"]}, "header[0]"),
        ({"header": ["X-A: 1", "Host: inside.example"]}, "header[1]"),
        ({"header": ["X-A: 1", "x-a: 2"]}, "header[1]"),
    ],
)
def test_a_channel_that_is_not_offered_is_refused_naming_the_element(
    clinic: ApiClient, changes: dict[str, Any], expression: str
) -> None:
    refused = clinic.post("/Subscription", subscription(channel=channel(**changes)))
    if expression == "type" and "endpoint" in changes:
        expressions = ["Subscription.channel.type", "Subscription.channel.endpoint"]
    else:
        expressions = [f"Subscription.channel.{expression}"]
    refusals.check(refused, 422, "business-rule", *expressions)


def test_a_channel_without_an_endpoint_is_refused(clinic: ApiClient) -> None:
    without = {name: value for name, value in channel().items() if name != "endpoint"}
    refused = clinic.post("/Subscription", subscription(channel=without))
    refusals.check(refused, 422, "business-rule", "Subscription.channel.endpoint")


@pytest.mark.parametrize(
    ("criteria", "named"),
    [
        ("Communication?subject:Patient.name=homer", "subject:Patient.name"),
        ("Patient?_has:Communication:subject:status=completed", "_has"),
        ("Communication?_include=Communication:sender", "_include"),
        ("Communication?status=completed&_sort=sent", "_sort"),
        ("Communication?_count=10", "_count"),
        ("Communication?_summary=true", "_summary"),
        ("Communication?session=Encounter/1", "session"),
        ("Communication?unheard-of=1", "unheard-of"),
        ("Communication?sent=yesterday", "sent=yesterday"),
        ("Communication?status:exact=completed", "status does not support :exact"),
        ("Medication?code=1", "a search of one type"),
        ("Subscription?status=active", "a search of one type"),
        ("AuditEvent?", "a search of one type"),
        ("completed", "a search of one type"),
        ("https://fhir.example.org/fhir/R4/Communication?status=completed", "one type"),
    ],
)
def test_criteria_that_one_resource_cannot_match_are_refused_naming_what(
    clinic: ApiClient, criteria: str, named: str
) -> None:
    refused = clinic.post("/Subscription", subscription(criteria))
    refusals.check(refused, 422, "business-rule", "Subscription.criteria")
    assert named in refused.text


def test_criteria_have_a_longest_length(clinic: ApiClient) -> None:
    longest = f"Communication?topic:text={'a' * 950}&topic:text=".ljust(2000, "a")
    assert clinic.post("/Subscription", subscription(longest)).status == 201
    refused = clinic.post("/Subscription", subscription(longest + "a"))
    refusals.check(refused, 422, "business-rule", "Subscription.criteria")


def test_every_problem_of_a_channel_is_named_at_once(clinic: ApiClient) -> None:
    wrong = channel(type="sms", payload="text/plain", endpoint="http://10.0.0.1")
    refused = clinic.post("/Subscription", subscription(channel=wrong))
    assert refused.expressions == [
        f"Subscription.channel.{name}" for name in ("type", "payload", "endpoint")
    ]


@pytest.mark.parametrize(
    ("sent", "stored"), [("requested", "requested"), ("active", "requested"), ("off", "off")]
)
def test_a_new_one_is_requested_or_off(clinic: ApiClient, sent: str, stored: str) -> None:
    created = clinic.post("/Subscription", subscription(status=sent, error="Mine"))
    assert created.body["status"] == stored
    assert "error" not in created.body


def test_only_the_server_says_that_it_failed(clinic: ApiClient) -> None:
    refused = clinic.post("/Subscription", subscription(status="error"))
    refusals.check(refused, 422, "business-rule", "Subscription.status")


def test_an_end_that_is_over_is_refused(clinic: ApiClient) -> None:
    over = clinic.post("/Subscription", subscription(end="2026-03-02T07:59:59Z"))
    refusals.check(over, 422, "business-rule", "Subscription.end")
    assert clinic.post("/Subscription", subscription(end="2026-03-02T08:00:01Z")).status == 201
    stopped = subscription(end="2026-03-02T07:59:59Z", status="off")
    assert clinic.post("/Subscription", stopped).status == 201


def test_a_patient_sees_their_own_and_staff_see_all(clinic: ApiClient) -> None:
    homers = HOMER.post("/Subscription", subscription())
    assert homers.status == 201, homers.text
    staffs = clinic.post("/Subscription", subscription())
    (owner,) = homers.body["extension"]
    assert owner["valueReference"] == care.reference(care.HOMER)
    assert "extension" not in staffs.body
    assert HOMER.get("/Subscription").ids == [homers.id]
    assert BART.get("/Subscription").ids == []
    assert BART.get(f"/Subscription/{homers.id}").status == 404
    assert HOMER.get(f"/Subscription/{staffs.id}").status == 404
    assert sorted(clinic.get("/Subscription").ids) == sorted([homers.id, staffs.id])
    assert clinic.get(f"/Subscription?owner={care.HOMER}").ids == [homers.id]


def test_a_client_cannot_say_whose_it_is(clinic: ApiClient) -> None:
    theirs = HOMER.post("/Subscription", subscription()).body["extension"]
    created = clinic.post("/Subscription", subscription(extension=theirs))
    assert "extension" not in created.body
    foreign = [{"url": "https://example.com/about", "valueReference": care.reference(care.HOMER)}]
    refused = clinic.post("/Subscription", subscription(extension=foreign))
    refusals.check(refused, 422, "business-rule", "Subscription.extension[0].value")


def test_a_patient_turns_their_own_off_and_on() -> None:
    url = f"/Subscription/{HOMER.post('/Subscription', subscription()).id}"
    for status, stored in (("off", "off"), ("active", "requested")):
        patch = replaced("/status", status)
        assert HOMER.patch(url, patch).body["status"] == stored
    criteria = replaced("/criteria", "Encounter?")
    assert HOMER.patch(url, criteria).body["criteria"] == "Encounter?"
    assert HOMER.delete(url).status == 403
    assert "status: off" in HOMER.delete(url).text


def test_staff_may_stop_a_patients_but_not_aim_it(clinic: ApiClient) -> None:
    """What is sent is bounded by the rights of the owner, who chose the endpoint."""
    url = f"/Subscription/{HOMER.post('/Subscription', subscription()).id}"
    for path, value in (("/criteria", "Encounter?"), ("/channel/endpoint", ENDPOINT + "/2")):
        refused = clinic.patch(url, replaced(path, value))
        refusals.check(refused, 403, "forbidden", "Subscription")
    off = replaced("/status", "off")
    assert clinic.patch(url, off).status == 200
    assert HOMER.get(url).body["status"] == "off"


def test_a_token_subscribes_to_what_it_may_search() -> None:
    limited = ApiClient(claims={"scope": "user/Subscription.cruds user/Encounter.rs"})
    assert limited.post("/Subscription", subscription("Encounter?")).status == 201
    refused = limited.post("/Subscription", subscription("Communication?"))
    refusals.check(refused, 403, "forbidden", "Subscription.criteria")


def test_a_patient_makes_a_limited_number_a_day() -> None:
    for _ in range(20):
        assert HOMER.post("/Subscription", subscription()).status == 201
    refused = HOMER.post("/Subscription", subscription())
    refusals.check(refused, 429, "throttled", "Subscription")
    assert BART.post("/Subscription", subscription()).status == 201


def test_new_handshakes_count_as_new_ones() -> None:
    url = f"/Subscription/{HOMER.post('/Subscription', subscription()).id}"
    for number in range(19):
        path = f"{ENDPOINT}/{number}"
        patch = replaced("/channel/endpoint", path)
        assert HOMER.patch(url, patch).status == 200
    patch = replaced("/criteria", "Encounter?")
    refusals.check(HOMER.patch(url, patch), 429, "throttled", "Subscription")
    off = replaced("/status", "off")
    assert HOMER.patch(url, off).status == 200
    on = replaced("/status", "requested")
    refusals.check(HOMER.patch(url, on), 429, "throttled", "Subscription")


def test_a_person_has_a_limited_number_that_is_not_off(
    practice: Practice, clinic: ApiClient
) -> None:
    made = [HOMER.post("/Subscription", subscription()).id for _ in range(20)]
    practice.advance_to("2026-03-03 09:00")
    stopped = HOMER.post("/Subscription", subscription(status="off"))
    assert stopped.status == 201
    refusals.check(
        HOMER.post("/Subscription", subscription()), 422, "business-rule", "Subscription"
    )
    on = replaced("/status", "requested")
    off = replaced("/status", "off")
    for who in (HOMER, clinic):
        refused = who.patch(f"/Subscription/{stopped.id}", on)
        refusals.check(refused, 422, "business-rule", "Subscription")
    assert BART.post("/Subscription", subscription()).status == 201
    assert clinic.patch(f"/Subscription/{made[0]}", off).status == 200
    assert HOMER.patch(f"/Subscription/{stopped.id}", on).status == 200
    assert clinic.administrator.delete(f"/Subscription/{made[1]}").status == 204
    assert HOMER.post("/Subscription", subscription()).status == 201
    assert HOMER.post("/Subscription", subscription()).status == 422


def test_a_bundle_writes_subscriptions(clinic: ApiClient) -> None:
    entry = {
        "fullUrl": "urn:uuid:0c3201bd-1cbf-4d64-b04d-cd9187a4c6e0",
        "resource": {"resourceType": "Subscription"} | subscription(),
        "request": {"method": "POST", "url": "Subscription"},
    }
    for kind in ("batch", "transaction"):
        bundle = {"resourceType": "Bundle", "type": kind, "entry": [entry]}
        answer = clinic.post("", bundle)
        assert answer.body["entry"][0]["response"]["status"] == "201", answer.text
    assert len(clinic.get("/Subscription").ids) == 2


def test_validating_says_what_writing_would(clinic: ApiClient) -> None:
    body = {"resourceType": "Subscription"} | subscription("Communication?_count=1")
    outcome = clinic.post("/Subscription/$validate?mode=create", body)
    assert outcome.expressions == ["Subscription.criteria", "Subscription"]


# By role: the statuses of a POST and then of a GET, PUT, PATCH and DELETE of what it made, and of
# these four of what a practitioner made.
ALL = (201, 200, 200, 200, 204)
MATRIX = {
    "admin": (ALL, ALL[1:]),
    "practitioner": ((201, 200, 200, 200, 403), (200, 200, 200, 403)),
    "auditor": ((403,), (200, 403, 403, 403)),
    "patient": ((201, 200, 403, 200, 403), (404, 403, 404, 204)),
    "related-person": ((201, 200, 403, 200, 403), (404, 403, 404, 204)),
}


@pytest.mark.parametrize("role", MATRIX)
def test_what_each_role_may_do(clinic: ApiClient, role: str) -> None:
    person = {"patient": care.HOMER, "related-person": "RelatedPerson/marge-of-bart"}
    who = ApiClient(role=role, fhir_user=person.get(role, care.ALICE))
    expected_of_own, expected_of_staffs = MATRIX[role]
    created = who.post("/Subscription", subscription())
    statuses = [created.status]
    if created.status == 201:
        statuses += requests(who, created.id)
    assert tuple(statuses) == expected_of_own
    staffs = clinic.post("/Subscription", subscription()).id
    assert tuple(requests(who, staffs)) == expected_of_staffs


def requests(who: ApiClient, own_id: str) -> list[int]:
    url = f"/Subscription/{own_id}"
    body = {"resourceType": "Subscription", "id": own_id} | subscription(reason="Another")
    patch = replaced("/status", "off")
    answers = (who.get(url), who.put(url, body), who.patch(url, patch), who.delete(url))
    return [answer.status for answer in answers]
