"""`_include` of a versioned reference returns that version.

https://hl7.org/fhir/R4/search.html#revinclude
"""

from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import ApiClient

HOMER = "Patient/homer-simpson"


def person(family: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "homer-simpson", "name": [{"family": family}], **more}


def included(clinic: ApiClient, query: str) -> list[tuple[str, str]]:
    """Return the included resources of a search with their versions."""
    answer = clinic.get(query)
    assert answer.status == 200, answer.text
    return sorted(
        (
            f"{entry['resource']['resourceType']}/{entry['resource']['id']}",
            version(entry["resource"]),
        )
        for entry in answer.body.get("entry", ())
        if entry["search"]["mode"] == "include"
    )


def version(resource: dict[str, Any]) -> str:
    return str(resource["meta"]["versionId"])


@pytest.fixture
def homer(clinic: ApiClient) -> str:
    """Store a patient with three versions."""
    for family in ("Simson", "Simpson", "Simpson-Bouvier"):
        assert clinic.put(f"/{HOMER}", person(family)).status in (200, 201)
    return HOMER


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        (HOMER, [(HOMER, "3")]),
        (f"{HOMER}/_history/1", [(HOMER, "1")]),
        (f"{HOMER}/_history/2", [(HOMER, "2")]),
        (f"{HOMER}/_history/3", [(HOMER, "3")]),
        # A missing version cannot be included; an outcome says so.
        (f"{HOMER}/_history/4", [(HOMER, "3")]),
        (f"{HOMER}/_history/x", [(HOMER, "3")]),
        ("Patient/nobody/_history/1", []),
    ],
)
def test_the_named_version_is_included(
    clinic: ApiClient, homer: str, reference: str, wanted: list[tuple[str, str]]
) -> None:
    assert homer == HOMER
    encounter_id = clinic.post("/Encounter", care.visit(subject=care.reference(reference))).id
    for rule in ("Encounter:subject", "Encounter:patient", "Encounter:subject:Patient", "*"):
        resources = included(clinic, f"/Encounter?_id={encounter_id}&_include={rule}")
        assert [match for match in resources if match[0].startswith("Patient/")] == wanted, rule


def test_a_missing_version_is_named_in_an_outcome(clinic: ApiClient, homer: str) -> None:
    query = "/Encounter?_include=Encounter:subject"
    clinic.post("/Encounter", care.visit(subject=care.reference(f"{homer}/_history/1")))
    modes = [entry["search"]["mode"] for entry in clinic.get(query).body["entry"]]
    assert modes == ["match", "include"]
    clinic.post("/Encounter", care.visit(subject=care.reference(f"{homer}/_history/9")))
    *_, last = clinic.get(query).body["entry"]
    assert last["search"]["mode"] == "outcome"
    (issue,) = last["resource"]["issue"]
    assert (issue["severity"], issue["code"]) == ("warning", "not-found")
    assert f"{homer}/_history/9" in issue["details"]["text"]


def test_several_versions_of_one_resource_are_each_included_once(
    clinic: ApiClient, homer: str
) -> None:
    for number in ("/_history/1", "/_history/2", "/_history/3", "", "/_history/1"):
        clinic.post("/Encounter", care.visit(subject=care.reference(homer + number)))
    resources = included(clinic, "/Encounter?_include=Encounter:subject")
    assert resources == [(homer, "1"), (homer, "2"), (homer, "3")]


def test_a_version_of_a_deleted_resource_is_included_but_its_deletion_is_not(
    clinic: ApiClient, homer: str
) -> None:
    admin = ApiClient(role="admin")
    assert admin.delete(f"/{homer}").status in (200, 204)
    for number in ("/_history/2", "/_history/4", "/_history/9", ""):
        clinic.post("/Encounter", care.visit(subject=care.reference(homer + number)))
    assert included(clinic, "/Encounter?_include=Encounter:subject") == [(homer, "2")]


def test_iterated_includes_start_from_the_included_version(clinic: ApiClient) -> None:
    for name in ("one", "two"):
        clinic.put(
            f"/Organization/{name}", {"resourceType": "Organization", "id": name, "name": name}
        )
        managed = care.reference(f"Organization/{name}")
        clinic.put(f"/{HOMER}", person("Simpson", managingOrganization=managed))
    clinic.post("/Encounter", care.visit(subject=care.reference(f"{HOMER}/_history/1")))
    rules = "_include=Encounter:subject&_include:iterate=Patient:organization"
    assert included(clinic, f"/Encounter?{rules}") == [("Organization/one", "1"), (HOMER, "1")]


def test_a_patient_sees_versions_of_resources_they_see(clinic: ApiClient, homer: str) -> None:
    subject = care.reference(f"{homer}/_history/1")
    clinic.post("/Encounter", care.visit(subject=subject))
    own = ApiClient(role="patient", fhir_user=homer)
    assert included(own, "/Encounter?_include=Encounter:subject") == [(homer, "1")]
    scoped = ApiClient(claims={"scope": "user/Encounter.rs"})
    assert included(scoped, "/Encounter?_include=Encounter:subject") == []


def test_a_message_that_names_a_version_of_its_header_includes_that_version(
    clinic: ApiClient,
) -> None:
    header = clinic.post("/Communication", care.header())
    clinic.put(f"/Communication/{header.id}", header.body | {"topic": {"text": "Another rash"}})
    part = [care.reference(f"Communication/{header.id}/_history/1")]
    message_id = clinic.post("/Communication", care.message("x", partOf=part)).id
    resources = included(clinic, f"/Communication?_id={message_id}&_include=Communication:part-of")
    assert resources == [(f"Communication/{header.id}", "1")]
    query = f"/Communication?_id={header.id}&_revinclude=Communication:part-of"
    assert included(clinic, query) == [(f"Communication/{message_id}", "1")]


def test_a_chain_matches_the_current_version(clinic: ApiClient, homer: str) -> None:
    encounter_id = clinic.post(
        "/Encounter", care.visit(subject=care.reference(f"{homer}/_history/1"))
    ).id
    assert clinic.get("/Encounter?subject.family=simpson").ids == [encounter_id]
    assert clinic.get("/Encounter?subject.family=simson").ids == []
