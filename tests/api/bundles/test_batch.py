"""Batches: each entry is processed independently and answered in order."""

from typing import Any

import pytest

from shared.http import bundle_budget
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.bundles import batch, bundle, entry, statuses, urn
from tests.support.consistency import stored_items
from tests.support.steps import open_session, thread


def test_entries_are_answered_in_order_whatever_happens_to_the_others(
    clinic: ApiClient,
) -> None:
    session_id = open_session(clinic)
    header_id, (message_id,) = thread(clinic, "2026-11-20T09:00:00Z")
    answered = batch(
        clinic.administrator,
        entry("GET", f"Encounter/{session_id}"),
        entry("GET", "/Encounter/none"),
        entry("POST", "Encounter", care.session("bogus")),
        entry("GET", f"/Communication?part-of=Communication/{header_id}&_sort=sent"),
        entry("HEAD", f"Encounter/{session_id}"),
        entry("POST", "Encounter", care.session()),
        entry("POST", "Device", {"resourceType": "Device"}),
        entry("DELETE", f"Communication/{message_id}"),
        entry("GET", "metadata"),
        entry("POST", f"Encounter/{session_id}/$close-session"),
        entry("GET", "Encounter?colour=red"),
    )
    assert statuses(answered) == (
        ["200", "404", "400", "200", "200", "201", "404", "204", "200", "200", "400"]
    )
    assert answered[0]["resource"]["id"] == session_id
    assert [one["resource"]["id"] for one in answered[3]["resource"]["entry"]] == [message_id]
    assert "resource" not in answered[4]
    assert answered[5]["response"]["location"].endswith("/_history/1")
    assert answered[9]["resource"]["status"] == "finished"
    refused = {
        at: answer["response"]
        for at, answer in enumerate(answered)
        if "outcome" in answer["response"]
    }
    named = {at: value["outcome"]["issue"][0]["expression"] for at, value in refused.items()}
    assert named == {
        1: ["Bundle.entry[1]"],
        2: ["Bundle.entry[2].resource.status"],
        6: ["Bundle.entry[6]"],
        10: ["Bundle.entry[10].request.url"],
    }


@pytest.mark.parametrize(
    ("wrong", "status", "element"),
    [
        ({}, "400", ".request"),
        ("x", "400", ""),
        (None, "400", ""),
        (entry("GET", "https://other.example/Encounter/1"), "400", ".request.url"),
        (entry("POST", "", bundle("batch")), "400", ".request.url"),
        (entry("POST", "Encounter"), "400", ".resource"),
        (entry("GET", "openapi.json"), "400", ".request.url"),
        (entry("GET", "docs"), "400", ".request.url"),
        (entry("GET", ".well-known/smart-configuration"), "400", ".request.url"),
        ({**entry("GET", "Encounter"), "fullUrl": 1}, "400", ".fullUrl"),
        ({**entry("GET", "Encounter"), "fullUrl": ["urn:uuid:1"]}, "400", ".fullUrl"),
        (entry("POST", "Encounter", care.session(), ifNoneExist=""), "400", ".request.ifNoneExist"),
        (entry("DELETE", "Encounter/s", ifMatch=""), "400", ".request.ifMatch"),
        (entry("DELETE", "Encounter/s", ifMatch='W/""'), "400", ".request.ifMatch"),
        (entry("PUT", "Encounter", care.session()), "400", ""),
        (
            entry("POST", "Communication", care.header(encounter=care.reference(urn(1)))),
            "400",
            ".resource",
        ),
        (entry("PUT", "metadata", care.session()), "405", ""),
        (entry("GET", "Encounter/1/2/3"), "404", ""),
        (
            entry("GET", "Encounter/s", ifNoneMatch="W/1", ifModifiedSince="soon"),
            "400",
            ".request.ifModifiedSince",
        ),
    ],
)
def test_a_wrong_entry_is_refused_by_itself_and_the_others_are_processed(
    clinic: ApiClient, wrong: Any, status: str, element: str
) -> None:
    sound = entry("POST", "Encounter", care.session(), urn(1))
    first, refused, last = batch(clinic, sound, wrong, entry("GET", "Encounter"))
    assert (first["response"]["status"], last["response"]["status"]) == ("201", "200")
    assert refused["response"]["status"] == status, refused
    (issue,) = refused["response"]["outcome"]["issue"]
    assert issue["expression"] == [f"Bundle.entry[1]{element}"]


def test_the_conditions_of_an_entry_apply_to_it(clinic: ApiClient) -> None:
    named = care.session(identifier=[{"system": "https://twilio.com", "value": "E1"}])
    session_id = clinic.post("/Encounter", named).id
    url = f"Encounter/{session_id}"
    answered = batch(
        clinic.administrator,
        entry("GET", url, ifNoneMatch='W/"1"'),
        entry("GET", url, ifModifiedSince="2099-01-01T00:00:00Z"),
        entry("GET", url, ifModifiedSince="2020-01-01T00:00:00+02:00"),
        entry("GET", url, ifModifiedSince="2016-12-31T23:59:60Z"),
        entry("POST", "Encounter", named, ifNoneExist="identifier=https://twilio.com|E1"),
        entry("PUT", url, {**named, "id": session_id}, ifMatch='W/"2"'),
        entry("PUT", url, {**named, "id": session_id}, ifNoneMatch="*"),
        entry("PUT", url, {**named, "id": session_id, "language": "en"}, ifMatch='W/"1"'),
        entry("DELETE", "Encounter?identifier=https://twilio.com|E1", ifMatch='W/"2"'),
    )
    assert statuses(answered) == ["304", "304", "200", "200", "200", "412", "412", "200", "204"]
    assert answered[4]["resource"]["id"] == session_id


@pytest.mark.parametrize("depth", [150, 300, 900])
@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_nested_too_deeply_is_refused(clinic: ApiClient, kind: str, depth: int) -> None:
    deep: Any = {"url": "x"}
    for _ in range(depth):
        deep = {"extension": [deep]}
    wrong = entry("POST", "Encounter", care.session(**deep), urn(1))
    answer = clinic.post("", bundle(kind, wrong))
    if kind == "batch" and answer.status == 200:
        assert answer.body["entry"][0]["response"]["status"] == "400"
    else:
        assert answer.status == 400


def test_a_refusal_is_the_outcome_of_its_entry_even_if_pretty_printed(clinic: ApiClient) -> None:
    answered = batch(clinic, entry("GET", "Encounter/none?_pretty=true"), entry("GET", "metadata"))
    assert statuses(answered) == ["404", "200"]
    assert answered[0]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[0]"]
    assert "resource" not in answered[0]


def test_each_entry_is_processed_as_if_it_had_come_alone(clinic: ApiClient) -> None:
    decimal = '{"url": "http://example.org/x", "valueDecimal": 1.50}'
    text = (
        '{"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType":'
        ' "Encounter", "status": "planned", "class": {"code": "AMB"}, "extension": ['
        f'{decimal}]}}, "request": {{"method": "POST", "url": "Encounter"}}}}]}}'
    )
    answer = clinic.post("/", text)
    assert '"valueDecimal":1.50' in answer.text
    assert len(stored_items()[-1]) == 1


def test_an_entry_may_only_do_what_its_caller_may() -> None:
    auditor = ApiClient(role="auditor")
    answered = batch(auditor, entry("GET", "Encounter"), entry("POST", "Encounter", care.session()))
    assert statuses(answered) == ["200", "403"]


def test_a_return_preference_applies_to_all_entries(clinic: ApiClient) -> None:
    (minimal,) = batch(clinic, entry("POST", "Encounter", care.session()), prefer="return=minimal")
    assert "resource" not in minimal
    (told,) = batch(
        clinic, entry("POST", "Encounter", care.session()), prefer="return=OperationOutcome"
    )
    assert told["response"]["outcome"]["issue"][0]["severity"] == "information"
    assert "expression" not in told["response"]["outcome"]["issue"][0]


def test_an_entry_whose_answer_does_not_fit_says_so(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = open_session(clinic)
    monkeypatch.setattr(bundle_budget, "LARGEST_BUNDLE", 1100)
    read = entry("GET", f"Encounter/{session_id}")
    answered = batch(clinic, *[read] * 3, entry("POST", "Encounter", care.session()))
    assert statuses(answered)[0] == "200"
    assert statuses(answered)[2:] == ["413", "201"]
    assert "resource" not in answered[3]


def test_a_batch_that_runs_out_of_time_says_which_entries_to_send_again(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_budget, "SECONDS", -1)
    (late,) = batch(clinic, entry("POST", "Encounter", care.session()))
    assert late["response"]["status"] == "503"
    assert clinic.get("/Encounter").ids == []


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_without_entries_is_answered_with_a_bundle_without_entries(
    clinic: ApiClient, kind: str
) -> None:
    answer = clinic.post("", {"resourceType": "Bundle", "type": kind})
    assert answer.body == {"resourceType": "Bundle", "type": f"{kind}-response"}
