"""Searches for people by name and number, and for their resources, over HTTP."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.support import care
from tests.support.api_client import ApiClient

# Its tables are in memory, as each test makes several requests.
pytestmark = pytest.mark.usefixtures("practice")
PULSE = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}


@pytest.fixture
def family(clinic: ApiClient) -> dict[str, str]:
    """Store Homer with a session, a thread of his and a pulse, and Märge without anything."""

    def put(kind: str, key: str, **more: Any) -> str:
        created = clinic.put(f"/{kind}/{key}", {"resourceType": kind, "id": key, **more})
        assert created.status == 201, created.text
        return f"{kind}/{key}"

    def person(given: str, number: str) -> dict[str, Any]:
        name = {"given": [given], "family": "Simpson"}
        return {"name": [name], "telecom": [{"system": "phone", "value": number}]}

    homer = put("Patient", "homer", **person("Homer", "+15550100"), birthDate="1956-05-12")
    marge = put("Patient", "marge", **person("Märge", "+15550101"), deceasedBoolean=False)
    session = clinic.post("/Encounter", care.session(subject=care.reference(homer))).id
    wrote = {"subject": care.reference(homer), "sender": care.reference(homer)}
    thread = clinic.post("/Communication", care.header(**wrote)).id
    pulse = clinic.post(
        "/Observation",
        {
            "resourceType": "Observation",
            "status": "final",
            "code": PULSE,
            "subject": care.reference(homer),
            "encounter": care.reference(f"Encounter/{session}"),
            "effectiveDateTime": "2026-03-01T10:00:00Z",
            "valueQuantity": {"value": 72, "unit": "/min"},
        },
    ).id
    return {
        "homer": homer,
        "marge": marge,
        "session": f"Encounter/{session}",
        "thread": f"Communication/{thread}",
        "pulse": f"Observation/{pulse}",
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("Patient?name=simp", "homer marge"),
        ("Patient?name=MARGE", "marge"),
        (f"Patient?given={quote('märg')}", "marge"),
        (f"Patient?given:exact={quote('Märge')}", "marge"),
        ("Patient?given:exact=Marge", ""),
        ("Patient?family=simpson&name:contains=ome", "homer"),
        ("Patient?phone=%2B15550100", "homer"),
        ("Patient?phone=+15550100", "homer"),
        ("Patient?telecom=%2B15550101,%2B15550100", "homer marge"),
        ("Patient?birthdate=lt1960&name=s", "homer"),
        ("Patient?deceased=false&name=s", "homer marge"),
        ("Patient?_has:Observation:patient:code=8867-4", "homer"),
        ("Patient?_has:Communication:sender:status=in-progress", "homer"),
        ("Encounter?patient.name=homer", "session"),
        ("Encounter?patient.name=bart", ""),
        ("Encounter?_has:Observation:encounter:value-quantity=72", "session"),
        ("Communication?sender:Patient.phone=%2B15550100", "thread"),
        ("Communication?sender:Patient.phone=%2B15550101", ""),
        ("Observation?subject:Patient.given=hom", "pulse"),
        ("Observation?date=2026-03-01&value-quantity=gt70", "pulse"),
        ("Observation?encounter.patient.family=simpson", "pulse"),
        ("Encounter?_include=Encounter:patient", "session homer"),
        ("Encounter?_revinclude=Observation:encounter", "session pulse"),
        ("Patient?name=homer&_revinclude=Observation:patient", "homer pulse"),
        (
            "Observation?_include=Observation:encounter&_include:iterate=Encounter:patient",
            "pulse session homer",
        ),
    ],
)
def test_people_are_found_by_name_and_number_with_their_resources(
    clinic: ApiClient, family: dict[str, str], query: str, found: str
) -> None:
    answer = clinic.get(f"/{query}")
    assert answer.status == 200, answer.text
    resources = [entry["resource"] for entry in answer.body.get("entry", ())]
    names = {f"{resource['resourceType']}/{resource['id']}" for resource in resources}
    assert names == {family[name] for name in found.split()}


@pytest.mark.parametrize(
    ("query", "expression"),
    [
        ("Patient?name=-", "name"),
        ("Patient?name:text=x", "name:text"),
        ("Patient?phone:text=x", "phone:text"),
        ("Patient?phonetic=simp", "phonetic"),
        ("Patient?name:exact=", "name:exact"),
        ("Patient?birthdate=soon", "birthdate"),
        ("Location?near=1|2", "near"),
        ("Observation?value-quantity=high", "value-quantity"),
        ("Encounter?patient.name=%21", "patient.name"),
    ],
)
def test_an_impossible_search_is_refused_by_its_parameter(
    clinic: ApiClient, query: str, expression: str
) -> None:
    refused = clinic.get(f"/{query}")
    assert (refused.status, refused.expressions) == (400, [expression])


@pytest.mark.parametrize("number", ["+15550100", "%2B15550100"])
def test_a_gateway_identifies_a_sender_by_phone_number(
    clinic: ApiClient, family: dict[str, str], number: str
) -> None:
    sender = care.reference(f"Patient?phone={number}")
    message = care.message(family["thread"].partition("/")[2], sender=sender)
    sent = clinic.post("/Communication", message)
    assert sent.status == 201, sent.text
    assert sent.body["sender"] == care.reference(family["homer"])


@pytest.mark.parametrize("letter", ["𠀀", "字", "é", "x"])
def test_long_words_of_any_letters_are_read_page_by_page(clinic: ApiClient, letter: str) -> None:
    named = {"resourceType": "Patient", "name": [{"family": letter * 50}]}
    made = {clinic.post("/Patient", named).id for _ in range(2)}
    first = clinic.get(f"/Patient?family={quote(letter)}&_count=1")
    (following,) = (link["url"] for link in first.body["link"] if link["relation"] == "next")
    assert {*first.ids, *clinic.get(following).ids} == made


def test_a_patient_finds_nobody_else_by_name(family: dict[str, str]) -> None:
    homer = ApiClient(role="patient", fhir_user=family["homer"])
    for query in (
        "name=simp",
        "family=simpson",
        "phone=%2B15550100,%2B15550101",
        "name:contains=m",
    ):
        assert homer.get(f"/Patient?{query}").ids == ["homer"]
    assert homer.get("/Patient?given=marge").ids == []
    assert homer.get("/Observation?patient.name=homer").ids == [family["pulse"].partition("/")[2]]
