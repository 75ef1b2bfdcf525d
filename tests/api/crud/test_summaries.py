"""Partial resources: `_summary` and `_elements`, on reads and searches."""

from typing import Any

import pytest

from tests.support import care, refusals
from tests.support.api_client import ApiClient

SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
FULL: dict[str, Any] = care.session(
    text={"status": "additional", "div": '<div xmlns="http://www.w3.org/1999/xhtml">A rash</div>'},
    meta={"tag": [{"code": "mine"}]},
    period={"start": "2026-03-10T10:00:00Z"},
    length={"value": 1.50, "unit": "min"},
    participant=[
        {
            "type": [{"text": "doctor"}],
            "period": {"start": "2026"},
            "individual": care.reference(care.ALICE),
        }
    ],
)
ALWAYS = {"resourceType", "id", "meta", "status", "class"}


@pytest.fixture
def url(clinic: ApiClient) -> str:
    return f"/Encounter/{clinic.post('/Encounter', FULL).id}"


def test_a_summary_has_the_elements_that_r4_marks(clinic: ApiClient, url: str) -> None:
    body = clinic.get(f"{url}?_summary=true").body
    assert body.keys() == ALWAYS | {"subject", "participant"}
    assert body["participant"] == [
        {"type": [{"text": "doctor"}], "individual": care.reference(care.ALICE)}
    ]
    assert body["meta"]["tag"] == [{"code": "mine"}, SUBSETTED]


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("_summary=text", ALWAYS | {"text"}),
        ("_elements=period,length", ALWAYS | {"period", "length"}),
        ("_elements=period&_summary=false", ALWAYS | {"period"}),
        ("_elements=period,id,resourceType", ALWAYS | {"period"}),
        ("_summary=data", {*FULL} | ALWAYS - {"text"} | {"period"}),
        ("_summary=false", {*FULL} | ALWAYS),
    ],
)
def test_a_part_of_a_resource_has_the_mandatory_elements_and_a_tag(
    clinic: ApiClient, url: str, query: str, shown: set[str]
) -> None:
    for path in (url, f"{url}/_history/1"):
        answer = clinic.get(f"{path}?{query}")
        body = answer.body
        expected = shown - {"text"} if query == "_summary=data" else shown
        assert body.keys() == expected
        assert (SUBSETTED in body["meta"]["tag"]) is (query != "_summary=false")
        assert answer.headers["ETag"] == 'W/"1"'
        if "length" in expected:
            assert '"value":1.5' in answer.text
    assert clinic.get(url).body["text"] == FULL["text"]


def test_a_partial_resource_cannot_be_written_back(clinic: ApiClient, url: str) -> None:
    part = clinic.get(f"{url}?_elements=period").body
    refusals.check(clinic.put(url, part), 422, "business-rule", "Encounter.meta.tag[1]")


@pytest.mark.parametrize(
    ("query", "expression", "told"),
    [
        ("_summary=some", "_summary", "true, text, data"),
        ("_summary=count", "_summary", "count"),
        ("_elements=periode", "_elements", "period"),
        ("_elements=", "_elements", "period"),
        ("_elements=period&_summary=true", "_elements", "combined"),
        ("_elements=period&_elements=status", "_elements", "twice"),
    ],
)
def test_an_unknown_part_is_refused(
    clinic: ApiClient, url: str, query: str, expression: str, told: str
) -> None:
    answer = clinic.get(f"{url}?{query}")
    refusals.check(answer, 400, "invalid", expression)
    assert told in answer.text


@pytest.mark.parametrize("part", ["_summary=true", "_elements=value,effective"])
@pytest.mark.parametrize("by", ["read", "search"])
def test_a_partial_observation_includes_its_value_and_time(
    clinic: ApiClient, part: str, by: str
) -> None:
    weight = {"value": 80, "unit": "kg"}
    written = care.example("Observation", effectiveDateTime="2026-03-10", note=[{"text": "Fine"}])
    written = {name: part for name, part in written.items() if not name.startswith("value")}
    path = f"/Observation/{clinic.post('/Observation', written | {'valueQuantity': weight}).id}"
    if by == "search":
        (body,) = clinic.get(f"/Observation?_id={path.rpartition('/')[2]}&{part}").resources
    else:
        body = clinic.get(f"{path}?{part}").body
    assert body["valueQuantity"] == weight
    assert body["effectiveDateTime"] == "2026-03-10"
    assert "note" not in body
    assert SUBSETTED in body["meta"]["tag"]


def test_a_partial_prescription_includes_the_medication(clinic: ApiClient) -> None:
    written = care.example("MedicationRequest")
    path = f"/MedicationRequest/{clinic.post('/MedicationRequest', written).id}"
    medication = {name: value for name, value in written.items() if name.startswith("medication")}
    assert medication
    for part in ("_summary=text", "_elements=status", "_summary=true"):
        body = clinic.get(f"{path}?{part}").body
        assert medication.items() <= body.items(), part
