"""The abilities of a type that was just added. Run by test_a_type.py, in a copy with Flag."""

from typing import Any

import pytest

from shared.catalog.examples import EXAMPLES
from tests.api.conftest import clinic, practice, tables
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.practice import Practice

__all__ = ["clinic", "practice", "tables"]
FIRST, SECOND = "2026-01-01T09:00:00Z", "2026-02-01T09:00:00Z"


@pytest.fixture(autouse=True)
def in_memory(practice: Practice) -> Practice:
    return practice


def flag(**more: Any) -> dict[str, Any]:
    return care.example("Flag", **more)


def post(clinic: ApiClient, start: str, **more: Any) -> str:
    created = clinic.post("/Flag", flag(period={"start": start}, **more))
    assert created.status == 201, created.text
    return created.id


def test_it_is_created_read_and_checked(clinic: ApiClient) -> None:
    url = f"/Flag/{post(clinic, FIRST)}"
    assert clinic.get(url).body["code"] == EXAMPLES["Flag"]["code"]
    refused = clinic.post("/Flag", flag(subject={"reference": "Flag/1"}))
    assert (refused.status, refused.expressions) == (400, ["Flag.subject.reference"])


def test_it_is_searched_and_sorted(clinic: ApiClient) -> None:
    second, first = post(clinic, SECOND), post(clinic, FIRST)
    assert clinic.get("/Flag?_sort=date").ids == [first, second]
    assert clinic.get("/Flag?patient=homer-simpson&_sort=-date").ids == [second, first]
    assert clinic.get("/Flag?date=lt2026-01-15").ids == [first]


def test_it_is_found_among_the_records_of_an_encounter(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session()).id
    own = post(clinic, FIRST, encounter=care.reference(f"Encounter/{session}"))
    assert clinic.get(f"/Flag?encounter={session}").ids == [own]
    assert own in clinic.get(f"/Encounter/{session}/$everything").ids


def test_a_part_of_it_is_shown(clinic: ApiClient) -> None:
    part = clinic.get(f"/Flag/{post(clinic, FIRST)}?_summary=true").body
    assert {"status", "code", "subject"} <= part.keys()


def test_it_is_in_the_compartment_of_its_patient(clinic: ApiClient) -> None:
    own = post(clinic, FIRST)
    post(clinic, FIRST, subject=care.reference("Patient/bart-simpson"))
    homer = ApiClient(role="patient", fhir_user="Patient/homer-simpson")
    assert homer.get("/Flag").ids == [own]


def test_the_documents_show_it_with_its_example(clinic: ApiClient) -> None:
    document = clinic.get("/openapi.json").body
    body = document["paths"]["/Flag"]["post"]["requestBody"]["content"]
    assert body["application/fhir+json"]["example"] == EXAMPLES["Flag"]
    resources = clinic.get("/metadata").body["rest"][0]["resource"]
    assert "Flag" in {resource["type"] for resource in resources}
