"""Conditional reads, content negotiation and return preferences."""

import json
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import pytest

from shared.interactions import history as histories
from shared.store import dynamodb
from tests.support import care, refusals
from tests.support.api_client import BASE, Answer, ApiClient
from tests.support.steps import open_session, thread

pytestmark = pytest.mark.usefixtures("moto")

FORM = "application/x-www-form-urlencoded"
PATH = "/Encounter/mine"


@pytest.fixture
def own_encounter(clinic: ApiClient) -> Answer:
    return clinic.put(PATH, care.session(id="mine"))


@pytest.mark.parametrize("tags", ['W/"9", W/"1"', '"1"', "1", "*", ' W/"1"'])
def test_any_of_several_entity_tags_may_match(
    clinic: ApiClient, own_encounter: Answer, tags: str
) -> None:
    answer = clinic.get(PATH, if_none_match=tags)
    assert (answer.status, answer.text) == (304, "")
    assert answer.headers["ETag"] == own_encounter.headers["ETag"]
    assert clinic.get(PATH, if_none_match='W/"2", W/"11"').status == 200


@pytest.mark.parametrize(("later", "status"), [(-1, 200), (0, 304), (1, 304)])
def test_a_resource_unchanged_since_a_date_is_not_sent(
    clinic: ApiClient, own_encounter: Answer, later: int, status: int
) -> None:
    moment = parsedate_to_datetime(own_encounter.headers["Last-Modified"]) + timedelta(
        seconds=later
    )
    since = format_datetime(moment, usegmt=True)
    assert clinic.get(PATH, if_modified_since=since).status == status
    assert clinic.call("HEAD", PATH, if_modified_since=since).status == status
    assert clinic.get(f"{PATH}/_history/1", if_modified_since=since).status == status


def test_an_entity_tag_takes_precedence_over_a_date_and_a_malformed_date_is_ignored(
    clinic: ApiClient, own_encounter: Answer
) -> None:
    since = own_encounter.headers["Last-Modified"]
    both = clinic.get(PATH, if_modified_since=since, if_none_match='W/"2"')
    assert both.status == 200
    nines = "9" * 25
    for none in (
        "yesterday",
        "2999-01-01",
        "",
        "Sat, 99 Nov 2026 10:00:00 GMT",
        f"Sat, 21 Nov {nines} 10:00:00 GMT",
        f"Sat, 21 Nov 2026 10:00:00 +{nines}",
    ):
        assert clinic.get(PATH, if_modified_since=none).status == 200


def test_a_deleted_resource_is_gone_whatever_version_the_caller_has(
    clinic: ApiClient, own_encounter: Answer
) -> None:
    clinic.administrator.delete(PATH)
    answer = clinic.get(
        PATH, if_none_match="*", if_modified_since=own_encounter.headers["Last-Modified"]
    )
    refusals.check(answer, 410, "deleted")


def test_a_version_states_its_location(clinic: ApiClient, own_encounter: Answer) -> None:
    versioned = f"{PATH}/_history/1"
    clinic.put(PATH, own_encounter.body | {"status": "onleave"})
    for method in ("GET", "HEAD"):
        assert clinic.call(method, versioned).headers["Content-Location"] == BASE + versioned
        assert "Content-Location" not in clinic.call(method, PATH).headers


@pytest.mark.parametrize(
    "prefer", ["return=minimal", 'Return="minimal"', "respond-async, return=minimal; x=1"]
)
def test_every_spelling_of_a_preference_is_read(clinic: ApiClient, prefer: str) -> None:
    assert clinic.post("/Encounter", care.session(), prefer=prefer).text == ""


@pytest.mark.parametrize("prefer", ["return=everything", "", "minimal", "return"])
def test_an_unknown_preference_is_ignored(clinic: ApiClient, prefer: str) -> None:
    assert clinic.post("/Encounter", care.session(), prefer=prefer).body["id"]


def test_pretty_printing_changes_whitespace_only(clinic: ApiClient) -> None:
    text = json.dumps(care.session(id="exact", length={"value": 0})).replace(
        '"value": 0', '"value": 1.50'
    )
    plain = clinic.put("/Encounter/exact", text)
    pretty = clinic.get("/Encounter/exact?_pretty=true")
    assert '\n  "status": "in-progress"' in pretty.text
    assert '"value": 1.50' in pretty.text
    assert pretty.body == plain.body
    assert clinic.get("/Encounter/exact?_pretty=false").text == plain.text
    assert "\n  " in clinic.get("/Encounter/nowhere?_pretty=true").text
    assert "\n  " in clinic.get("/metadata?_pretty=true").text
    assert clinic.call("HEAD", "/Encounter/exact?_pretty=true").text == ""
    assert "\n  " in clinic.get("/Encounter?_pretty=true").text
    refusals.check(clinic.get("/metadata?_pretty=yes"), 400, "invalid", "_pretty")


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+json;fhirVersion=5.0",
        "application/json;q=0",
        "application/fhir+xml, application/json;q=0.0",
        "image/*",
    ],
)
def test_a_caller_who_does_not_accept_json_of_this_fhir_version_is_refused(
    clinic: ApiClient, own_encounter: Answer, accept: str
) -> None:
    assert own_encounter.status == 201
    refusals.check(clinic.get(PATH, accept=accept), 406, "not-supported")


def test_a_form_may_state_the_format_too(clinic: ApiClient, own_encounter: Answer) -> None:
    url = "/Encounter/_search"
    answer = clinic.call("POST", url, "_id=mine&_format=json", content_type=FORM, accept="text/xml")
    refusals.check(answer, 406, "not-supported")
    answer = clinic.call("POST", url, f"_id={own_encounter.id}&_format=json", content_type=FORM)
    assert answer.ids == [own_encounter.id]
    refused = clinic.call("POST", url, "_id=mine&_format=xml", content_type=FORM)
    refusals.check(refused, 406, "not-supported", "_format")


@pytest.mark.parametrize("path", [PATH, f"{PATH}/_history/1", f"{PATH}/_history"])
def test_a_parameter_that_a_read_does_not_have_is_named(
    clinic: ApiClient, own_encounter: Answer, path: str
) -> None:
    assert own_encounter.status == 201
    refused = clinic.get(f"{path}?colour=red&size=big")
    refusals.check(refused, 400, "invalid", "colour", "size")
    assert "_format" in refused.text
    assert clinic.get(f"{path}?colour=red", prefer="handling=lenient").status == 200


def test_head_works_for_searches_and_histories_too(
    clinic: ApiClient, own_encounter: Answer
) -> None:
    assert own_encounter.status == 201
    for path in (f"{PATH}/_history", "/Encounter?_id=mine", "/metadata"):
        head, got = clinic.call("HEAD", path), clinic.get(path)
        assert (head.status, head.headers, head.text) == (200, got.headers, "")
    assert clinic.call("HEAD", "/Encounter/nowhere/_history").status == 404
    assert clinic.call("HEAD", "/Encounter?colour=red").status == 400


def items_read(clinic: ApiClient, url: str) -> tuple[int, Answer]:
    """Return the number of items that a request reads."""
    seen: list[int] = []

    def count(parsed: dict[str, Any], **_: Any) -> None:
        seen.append(parsed.get("ScannedCount", 1))

    events = dynamodb.client().meta.events
    events.register("after-call.dynamodb", count)
    answer = clinic.get(url)
    events.unregister("after-call.dynamodb", count)
    return sum(seen), answer


def test_a_page_of_a_history_reads_no_more_than_it_shows(clinic: ApiClient) -> None:
    for number in range(40):
        last = clinic.put(PATH, care.session(id="mine", reasonCode=[{"text": str(number)}]))
    read, page = items_read(clinic, f"{PATH}/_history?_count=2&_offset=20")
    assert (read, page.body["total"], len(page.body["entry"])) == (4, 40, 2)
    read, page = items_read(clinic, f"{PATH}/_history?_count=0")
    assert (read, page.body["total"]) == (1, 40)
    since = last.body["meta"]["lastUpdated"]
    read, page = items_read(clinic, f"{PATH}/_history?_since={since}")
    assert page.body["total"] == 1
    assert read < 10


def test_every_page_of_a_history_with_deletions_states_how_each_version_was_created(
    clinic: ApiClient, own_encounter: Answer
) -> None:
    for _ in range(3):
        clinic.administrator.delete(PATH)
        assert clinic.put(PATH, own_encounter.body).status == 201
    whole = clinic.get(f"{PATH}/_history").body["entry"]
    assert [entry["response"]["status"] for entry in whole] == [*["201", "204"] * 3, "201"]
    single = [
        clinic.get(f"{PATH}/_history?_count=1&_offset={number}").body["entry"][0]
        for number in range(7)
    ]
    assert single == whole


def test_a_page_of_a_history_ends_before_the_answer_becomes_too_large(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        clinic.put(PATH, care.session(id="mine", reasonCode=[{"text": str(number)}]))
    monkeypatch.setattr(histories, "LARGEST_SENT", 1100)
    page = clinic.get(f"{PATH}/_history")
    seen = []
    while True:
        seen += [entry["response"]["etag"] for entry in page.body["entry"]]
        assert 1 <= len(page.body["entry"]) <= 2
        assert page.body["total"] == 5
        following = [link["url"] for link in page.body["link"] if link["relation"] == "next"]
        if not following:
            break
        page = clinic.get(following[0])
    assert seen == [f'W/"{number}"' for number in (5, 4, 3, 2, 1)]


def test_a_patch_that_changes_nothing_keeps_a_generated_text(clinic: ApiClient) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">A rash</div>'
    body = care.session(id="told", text={"status": "generated", "div": div})
    before = clinic.put("/Encounter/told", body)
    same = [{"op": "test", "path": "/status", "value": "in-progress"}]
    after = clinic.patch("/Encounter/told", same)
    assert (after.status, after.version, after.body["text"]) == (200, "1", before.body["text"])


def test_a_write_without_change_honours_the_return_preference(
    clinic: ApiClient,
) -> None:
    own_id = open_session(clinic)
    body = clinic.get(f"/Encounter/{own_id}").body
    again = clinic.put(f"/Encounter/{own_id}", body, prefer="return=minimal")
    assert (again.status, again.text, again.headers["ETag"]) == (200, "", 'W/"1"')
    header_id, _ = thread(clinic)
    gone = clinic.administrator.delete(
        f"/Communication/{header_id}", prefer="return=representation"
    )
    assert (gone.status, gone.text) == (204, "")
