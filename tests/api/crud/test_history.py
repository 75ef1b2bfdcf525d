"""The history of one resource."""

from typing import Any

import pytest

from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.support import care, refusals
from tests.support.api_client import BASE, Answer, ApiClient
from tests.support.steps import thread

STATUSES = ["planned", "arrived", "triaged", "in-progress", "onleave"]


def write_versions(clinic: ApiClient, path: str = "/Encounter/many") -> list[Answer]:
    """Write five versions of a resource."""
    own_id = path.rpartition("/")[2]
    return [clinic.put(path, care.session(status, id=own_id)) for status in STATUSES]


def versions(answer: Answer) -> list[str]:
    return [entry["response"]["etag"] for entry in answer.body.get("entry", ())]


def links(answer: Answer) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in answer.body["link"]}


def check_bundle(answer: Answer) -> None:
    """Check that a history is a valid Bundle and keeps the bdl-* invariants about histories."""
    assert answer.status == 200, answer.text
    bundle = fhirjson.loads(answer.text)
    assert issues(bundle, "Bundle") == []
    assert bundle["type"] == "history"
    for entry in bundle.get("entry", ()):
        assert set(entry["request"]) == {"method", "url"}
        assert set(entry["response"]) == {"status", "etag", "lastModified"}
        assert "_history" not in entry["fullUrl"]
        assert ("resource" in entry) == (entry["request"]["method"] != "DELETE")


def steps(answer: Answer) -> list[tuple[str, str, str]]:
    return [
        (entry["request"]["method"], entry["request"]["url"], entry["response"]["status"])
        for entry in answer.body["entry"]
    ]


def test_the_newest_version_is_first_and_each_is_as_it_was_written(clinic: ApiClient) -> None:
    answers = write_versions(clinic)
    history = clinic.get("/Encounter/many/_history")
    check_bundle(history)
    assert history.body["total"] == 5
    assert [entry["resource"] for entry in history.body["entry"]] == [
        answer.body for answer in reversed(answers)
    ]
    assert versions(history) == [f'W/"{n}"' for n in (5, 4, 3, 2, 1)]
    for entry in history.body["entry"]:
        assert entry["fullUrl"] == f"{BASE}/Encounter/many"
        assert entry["response"]["lastModified"] == entry["resource"]["meta"]["lastUpdated"]


def test_every_entry_states_its_request_and_response(clinic: ApiClient) -> None:
    own_id = clinic.post("/Encounter", care.session()).id
    path = f"/Encounter/{own_id}"
    clinic.patch(path, [{"op": "replace", "path": "/status", "value": "onleave"}])
    clinic.administrator.delete(path)
    clinic.put(path, care.session(id=own_id))
    history = clinic.get(f"{path}/_history")
    check_bundle(history)
    assert steps(history) == [
        ("PUT", path[1:], "201"),
        ("DELETE", path[1:], "204"),
        ("PUT", path[1:], "200"),
        ("POST", "Encounter", "201"),
    ]


def test_a_resource_put_under_a_clients_id_is_not_listed_as_posted(clinic: ApiClient) -> None:
    clinic.put("/Communication/mine", care.header(id="mine"))
    history = clinic.get("/Communication/mine/_history")
    check_bundle(history)
    assert steps(history) == [("PUT", "Communication/mine", "201")]


def test_a_message_has_a_history_of_its_own(clinic: ApiClient) -> None:
    header_id, (one, other) = thread(clinic, "2026-11-20T09:00:00Z", "2026-11-20T09:01:00Z")
    for sent in ("2026-11-20T08:00:00Z", "2026-11-20T10:00:00Z"):
        moved = care.message(header_id, sent, id=one)
        assert clinic.put(f"/Communication/{one}", moved).status == 200
    history = clinic.get(f"/Communication/{one}/_history")
    check_bundle(history)
    assert versions(history) == ['W/"3"', 'W/"2"', 'W/"1"']
    assert [entry["resource"]["sent"][11:13] for entry in history.body["entry"]] == [
        "10",
        "08",
        "09",
    ]
    assert steps(history)[-1] == ("POST", "Communication", "201")
    assert clinic.get(f"/Communication/{other}/_history").body["total"] == 1
    assert clinic.get(f"/Communication/{header_id}/_history").body["total"] == 1


def test_a_conversion_leaves_the_history_whole(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    alone = clinic.post("/Communication", care.message(header_id, partOf=[]))
    path = f"/Communication/{alone.id}"
    attached = clinic.put(path, care.message(header_id, "2026-11-20T09:00:00Z", id=alone.id))
    assert attached.version == "2"
    history = clinic.get(f"{path}/_history")
    check_bundle(history)
    assert [entry["resource"] for entry in history.body["entry"]] == [attached.body, alone.body]
    assert clinic.get(f"{path}/_history/1").text == alone.text


def test_count_and_offset_select_a_page_and_keep_the_total(clinic: ApiClient) -> None:
    write_versions(clinic)
    page = clinic.get("/Encounter/many/_history?_count=2&_offset=1")
    check_bundle(page)
    assert (page.body["total"], versions(page)) == (5, ['W/"4"', 'W/"3"'])
    assert links(page)["self"] == f"{BASE}/Encounter/many/_history?_count=2&_offset=1"
    for query in ("_count=0", "_offset=5", "_offset=1000000", "_offset=9999999999"):
        empty = clinic.get(f"/Encounter/many/_history?{query}")
        check_bundle(empty)
        assert empty.body["total"] == 5
        assert "entry" not in empty.body
        assert "next" not in links(empty)


def test_next_leads_through_all_pages(clinic: ApiClient) -> None:
    write_versions(clinic)
    page = clinic.get("/Encounter/many/_history?_count=2")
    seen = versions(page)
    while "next" in links(page):
        page = clinic.get(links(page)["next"])
        check_bundle(page)
        seen += versions(page)
    assert seen == [f'W/"{n}"' for n in (5, 4, 3, 2, 1)]


def test_a_page_has_twenty_entries_by_default(clinic: ApiClient) -> None:
    for number in range(21):
        body = care.session(id="often", reasonCode=[{"text": str(number)}])
        clinic.put("/Encounter/often", body)
    page = clinic.get("/Encounter/often/_history")
    assert (page.body["total"], len(page.body["entry"])) == (21, 20)
    rest = clinic.get(links(page)["next"])
    assert versions(rest) == ['W/"1"']


def test_since_leaves_out_older_versions(clinic: ApiClient) -> None:
    third = write_versions(clinic)[2].body["meta"]["lastUpdated"]
    page = clinic.get(f"/Encounter/many/_history?_since={third}")
    check_bundle(page)
    assert (page.body["total"], versions(page)) == (3, ['W/"5"', 'W/"4"', 'W/"3"'])
    zoned = third.replace("Z", "+00:00")
    assert clinic.get(f"/Encounter/many/_history?_since={zoned}").body["total"] == 3
    assert clinic.get("/Encounter/many/_history?_since=2999").body["total"] == 0


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("_count=many", "_count"),
        ("_count=-1", "_count"),
        ("_offset=1.5", "_offset"),
        ("_offset=", "_offset"),
        ("_since=yesterday", "_since"),
        ("status=finished", "status"),
    ],
)
def test_a_parameter_that_history_does_not_have_is_named(
    clinic: ApiClient, query: str, name: str
) -> None:
    write_versions(clinic)
    answer = clinic.get(f"/Encounter/many/_history?{query}")
    refusals.check(answer, 400, "invalid", name)


def test_a_resource_that_never_existed_has_no_history(clinic: ApiClient) -> None:
    refusals.check(clinic.get("/Encounter/nowhere/_history"), 404, "not-found")


def test_a_refused_write_leaves_no_trace(clinic: ApiClient) -> None:
    answers = write_versions(clinic)
    before: dict[str, Any] = clinic.get("/Encounter/many/_history").body
    clinic.put("/Encounter/many", care.session("bogus", id="many"))
    clinic.put("/Encounter/many", answers[0].body, if_match='W/"1"')
    assert clinic.get("/Encounter/many/_history").body == before
