"""Every answer about a version states it, in headers and in the entries of Bundles."""

import re
from typing import Any

import pytest

from shared.fhir.validation.primitives import PRIMITIVES
from tests.support import care
from tests.support.api_client import BASE, ApiClient
from tests.support.bundles import batch, entry, transact

IDENTIFIED: dict[str, Any] = care.example("Patient", identifier=[{"system": "urn:x", "value": "1"}])
QUERY = "identifier=urn:x|1"
RETITLED = [{"op": "add", "path": "/gender", "value": "other"}]
PREFERENCES = ["return=minimal", "return=representation", "return=OperationOutcome"]


@pytest.fixture
def own(clinic: ApiClient) -> str:
    return clinic.post("/Patient", IDENTIFIED | {"gender": "male"}).id


@pytest.mark.parametrize("preference", PREFERENCES)
def test_a_write_without_change_states_the_current_version(
    clinic: ApiClient, own: str, preference: str
) -> None:
    changed = IDENTIFIED | {"gender": "female"}
    answers = [
        (2, clinic.put(f"/Patient/{own}", changed | {"id": own}, prefer=preference)),
        (2, clinic.put(f"/Patient/{own}", changed | {"id": own}, prefer=preference)),
        (3, clinic.put(f"/Patient?{QUERY}", IDENTIFIED, prefer=preference)),
        (4, clinic.patch(f"/Patient/{own}", RETITLED, prefer=preference)),
        (4, clinic.patch(f"/Patient?{QUERY}", RETITLED, prefer=preference)),
        (4, clinic.post("/Patient", IDENTIFIED, if_none_exist=QUERY, prefer=preference)),
        (4, clinic.post(f"/Patient?{QUERY}", IDENTIFIED, prefer=preference)),
    ]
    for version, answer in answers:
        assert answer.status == 200, answer.text
        location = f"{BASE}/Patient/{own}/_history/{version}"
        assert answer.headers["Content-Location"] == location
        assert answer.headers["ETag"] == f'W/"{version}"'
        assert "Location" not in answer.headers
        assert (answer.text == "") is (preference == "return=minimal")


@pytest.mark.parametrize("preference", PREFERENCES)
def test_a_write_that_creates_states_the_location(clinic: ApiClient, preference: str) -> None:
    answers = [
        clinic.post("/Patient", IDENTIFIED, if_none_exist=QUERY, prefer=preference),
        clinic.put("/Patient/new", IDENTIFIED | {"id": "new"}, prefer=preference),
        clinic.put("/Patient?identifier=urn:x|2", care.example("Patient"), prefer=preference),
    ]
    for answer in answers:
        assert answer.status == 201
        assert re.fullmatch(rf"{BASE}/Patient/[^/]+/_history/1", answer.headers["Location"])
        assert "Content-Location" not in answer.headers


def test_a_deletion_states_no_location(clinic: ApiClient, own: str) -> None:
    headers = clinic.delete(f"/Patient/{own}").headers
    assert not {"Location", "Content-Location"} & headers.keys()


@pytest.mark.parametrize("kind", [batch, transact])
@pytest.mark.parametrize("preference", ["return=minimal", "return=representation"])
def test_entries_of_writes_state_their_version(
    clinic: ApiClient, own: str, kind: Any, preference: str
) -> None:
    other = clinic.put("/Patient/other", care.example("Patient", id="other")).id
    answered = kind(
        clinic,
        entry("PUT", f"Patient/{own}", IDENTIFIED | {"id": own}),
        entry("POST", "Patient", IDENTIFIED, ifNoneExist="_id=other"),
        entry("POST", "Patient", care.example("Patient")),
        entry("DELETE", "Patient?identifier=urn:x|7"),
        prefer=preference,
    )
    updated, found, created, gone = (answer["response"] for answer in answered)
    assert updated["location"] == f"{BASE}/Patient/{own}/_history/2"
    assert found["location"] == f"{BASE}/Patient/{other}/_history/1"
    assert re.fullmatch(rf"{BASE}/Patient/[^/]+/_history/1", created["location"])
    assert "location" not in gone
    for answer in answered:
        location = answer["response"].get("location", "")
        if "resource" in answer:
            assert answer["fullUrl"] == location.partition("/_history/")[0]
        # Even without a body, to the millisecond.
        if location:
            meta = clinic.get(location).body["meta"]
            assert answer["response"]["lastModified"] == meta["lastUpdated"]
    assert any("fullUrl" in answer for answer in answered) is (preference != "return=minimal")


def test_entries_with_a_stored_resource_have_its_url(clinic: ApiClient, own: str) -> None:
    clinic.patch(f"/Patient/{own}", RETITLED)
    session = clinic.post("/Encounter", care.session()).id
    answered = batch(
        clinic,
        entry("GET", f"Patient/{own}"),
        entry("GET", f"Patient/{own}/_history/1"),
        entry("GET", f"Patient/{own}?_elements=gender"),
        entry("GET", f"Patient/{own}?_pretty=true"),
        entry("GET", "StructureDefinition/session-policy"),
        entry("POST", f"Encounter/{session}/$close-session"),
        entry("GET", "Patient"),
        entry("GET", f"Patient/{own}/_history"),
        entry("GET", "metadata"),
        entry("GET", "Patient/none"),
        entry("HEAD", f"Patient/{own}"),
    )
    patient = f"{BASE}/Patient/{own}"
    # bdl-7: a fullUrl may repeat only with different versions.
    named = [answer.get("fullUrl") for answer in answered]
    assert named == [
        patient,
        patient,
        None,
        None,
        f"{BASE}/StructureDefinition/session-policy",
        f"{BASE}/Encounter/{session}",
        *[None] * 5,
    ]
    for answer in answered[:4]:
        assert answer["response"]["lastModified"] == answer["resource"]["meta"]["lastUpdated"]


def test_a_not_modified_answer_states_when_the_version_was_made(
    clinic: ApiClient, own: str
) -> None:
    known = clinic.get(f"/Patient/{own}").body["meta"]["lastUpdated"]
    (one,) = batch(clinic, entry("GET", f"Patient/{own}", ifNoneMatch='W/"1"'))
    assert one["response"]["status"] == "304"
    assert one["response"]["lastModified"] == known
    assert "resource" not in one


def test_entries_of_a_history_state_when_their_versions_were_made(
    clinic: ApiClient, own: str
) -> None:
    clinic.patch(f"/Patient/{own}", RETITLED)
    for version in clinic.get(f"/Patient/{own}/_history").body["entry"]:
        assert version["response"]["lastModified"] == version["resource"]["meta"]["lastUpdated"]


def test_an_outcome_among_the_results_of_a_search_has_a_url_of_its_own(
    clinic: ApiClient, own: str
) -> None:
    answer = clinic.get("/Patient?colour=red", prefer="handling=lenient")
    (match, outcome) = answer.body["entry"]
    assert match["fullUrl"] == f"{BASE}/Patient/{own}"
    assert outcome["search"]["mode"] == "outcome"
    assert PRIMITIVES["uuid"].is_valid(outcome["fullUrl"])
    plan = ApiClient(role="admin").get("/Patient", prefer="debug=plan").body["entry"][-1]
    assert PRIMITIVES["uuid"].is_valid(plan["fullUrl"])
