import json
from typing import Any

from shared.errors import Issue
from shared.fhir import fhirjson
from shared.fhir.bundles import HistoryEntry, SearchEntry, history, searchset
from shared.fhir.outcome import operation_outcome
from shared.fhir.validation.primitives import PRIMITIVES
from shared.fhir.validation.validation import issues

BASE = "https://example.org/fhir/R4"
LINKS = {"self": f"{BASE}/Encounter?_count=2", "next": f"{BASE}/Encounter?_page=x"}
STORED = b'{"resourceType":"Encounter","id":"a","status":"planned","class":{},"x":1.50}'
READ = {"resourceType": "Encounter", "id": "b", "status": "planned", "class": {"code": "VR"}}
AT = "2026-03-02T10:00:00.000Z"


def entries_of(bundle: dict[str, Any]) -> Any:
    return json.loads(fhirjson.dumps(bundle))


def test_stored_json_is_copied_into_a_page_unchanged() -> None:
    page = searchset([SearchEntry(STORED, f"{BASE}/Encounter/a")], LINKS)
    assert STORED in fhirjson.dumps(page)


def test_a_page_distinguishes_matches_from_includes() -> None:
    entries = [
        SearchEntry(READ, f"{BASE}/Encounter/b"),
        SearchEntry(READ, f"{BASE}/Encounter/c", "include"),
    ]
    page = entries_of(searchset(entries, LINKS, total=7))
    assert [entry["search"]["mode"] for entry in page["entry"]] == ["match", "include"]
    assert page["entry"][0]["fullUrl"] == f"{BASE}/Encounter/b"
    assert page["total"] == 7
    assert page["link"][1] == {"relation": "next", "url": LINKS["next"]}
    assert issues(page, "Bundle") == []


def test_an_empty_page_has_no_entry_and_omits_an_unknown_total() -> None:
    page = searchset([], LINKS)
    assert "entry" not in page
    assert "total" not in page
    assert searchset([], LINKS, total=0)["total"] == 0


def test_every_outcome_in_a_page_has_a_full_url_of_its_own() -> None:
    issue = Issue("invalid", "A parameter was left out", severity="warning")
    outcome = SearchEntry(operation_outcome([issue]), mode="outcome")
    page = entries_of(searchset([outcome, outcome], LINKS))
    urls = {entry["fullUrl"] for entry in page["entry"]}
    assert len(urls) == len(page["entry"])
    for entry in page["entry"]:
        assert PRIMITIVES["uuid"].is_valid(entry["fullUrl"])
        assert entry["search"] == {"mode": "outcome"}
    assert issues(page, "Bundle") == []


def test_a_history_states_how_each_version_was_made() -> None:
    full_url = f"{BASE}/Encounter/b"
    versions = [
        HistoryEntry(full_url, "DELETE", "Encounter/b", "204", 3, AT),
        HistoryEntry(full_url, "PUT", "Encounter/b", "200", 2, AT, READ),
        HistoryEntry(full_url, "POST", "Encounter", "201", 1, AT, READ),
    ]
    bundle = entries_of(history(versions, LINKS, total=3))
    deletion, _, creation = bundle["entry"]
    assert "resource" not in deletion
    assert deletion["request"] == {"method": "DELETE", "url": "Encounter/b"}
    assert creation["response"] == {"status": "201", "etag": 'W/"1"', "lastModified": AT}
    assert creation["resource"] == READ
    assert {entry["fullUrl"] for entry in bundle["entry"]} == {full_url}
    assert bundle["total"] == 3
    assert issues(bundle, "Bundle") == []
