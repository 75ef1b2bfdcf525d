"""The directory and the records made during a session are stored and found like the rest."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from shared.catalog.examples import EXAMPLES
from shared.catalog.types import DIRECTORY_TYPES, RECORD_TYPES
from tests.support import care, refusals
from tests.support.api_client import ApiClient

MARK = {"system": "https://clinic.example/ids", "value": "1"}
# The element that names a record's Encounter, and the search parameter for it.
BY_ENCOUNTER = dict.fromkeys(RECORD_TYPES, ("encounter", "encounter")) | {
    "DocumentReference": ("context", "encounter"),
    "ChargeItem": ("context", "context"),
}


def body(kind: str, *encounters: str) -> dict[str, Any]:
    """Return a valid resource of a type, recorded during the given Encounters."""
    made = {name: value for name, value in EXAMPLES[kind].items() if name != "id"}
    named = [care.reference(encounter) for encounter in encounters]
    if not named:
        return made
    element, _ = BY_ENCOUNTER[kind]
    return made | {element: {"encounter": named} if kind == "DocumentReference" else named[0]}


@pytest.mark.parametrize("kind", [*DIRECTORY_TYPES, *RECORD_TYPES])
def test_every_type_is_created_read_changed_and_deleted(clinic: ApiClient, kind: str) -> None:
    created = clinic.post(f"/{kind}", body(kind))
    assert created.status == 201, created.text
    url = f"/{kind}/{created.id}"
    assert clinic.get(url).body == created.body
    named = created.body | {"identifier": MARK if kind == "QuestionnaireResponse" else [MARK]}
    assert clinic.put(url, named).version == "2"
    patch = [{"op": "add", "path": "/language", "value": "en"}]
    assert clinic.patch(url, patch).body["language"] == "en"
    assert clinic.get(f"/{kind}?identifier={MARK['system']}|1").ids == [created.id]
    assert clinic.get(f"{url}/_history").body["total"] == 3
    assert clinic.get(f"{url}/_history/1").body == created.body
    assert clinic.administrator.delete(url).status == 204
    assert clinic.get(url).status == 410
    assert clinic.get(f"/{kind}?identifier=1").ids == []
    assert clinic.put(url, created.body).status == 201


@pytest.mark.parametrize("kind", [*DIRECTORY_TYPES, *RECORD_TYPES])
def test_a_resource_that_r4_forbids_is_refused(clinic: ApiClient, kind: str) -> None:
    refused = clinic.post(f"/{kind}", body(kind) | {"unheardOf": True})
    assert (refused.status, refused.expressions) == (400, [f"{kind}.unheardOf"])


@pytest.mark.parametrize("kind", RECORD_TYPES)
def test_a_record_is_found_by_the_encounters_that_it_names(clinic: ApiClient, kind: str) -> None:
    first, second = (clinic.post("/Encounter", care.session()).id for _ in range(2))
    _, param = BY_ENCOUNTER[kind]

    def found(encounter: str) -> list[str]:
        by_name = clinic.get(f"/{kind}?{param}=Encounter/{encounter}").ids
        assert clinic.get(f"/{kind}?{param}={encounter}").ids == by_name
        return by_name

    record = clinic.post(f"/{kind}", body(kind, f"Encounter/{first}"))
    other = clinic.post(f"/{kind}", body(kind, f"Encounter/{first}"))
    assert sorted(found(first)) == sorted([record.id, other.id])
    assert clinic.get(f"/{kind}?patient=homer-simpson&{param}={first}").ids == found(first)
    moved = body(kind, f"Encounter/{second}") | {"id": record.id}
    assert clinic.put(f"/{kind}/{record.id}", moved).status == 200
    assert (found(first), found(second)) == ([other.id], [record.id])
    loose = body(kind) | {"id": record.id}
    assert clinic.put(f"/{kind}/{record.id}", loose).status == 200
    assert found(second) == []


def test_a_document_may_name_several_encounters(clinic: ApiClient) -> None:
    names = [f"Encounter/{clinic.post('/Encounter', care.session()).id}" for _ in range(2)]
    document = clinic.post("/DocumentReference", body("DocumentReference", *names, names[0]))
    for name in names:
        assert clinic.get(f"/DocumentReference?encounter={name}").ids == [document.id]
    assert clinic.get(f"/DocumentReference?encounter={','.join(names)}").ids == [document.id]


def test_everything_of_an_encounter_includes_its_records(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session(subject=None)).id
    child = clinic.post("/Encounter", care.medical_encounter(session, care.HOMER)).id
    during = [session, child]
    made = {
        f"{kind}/{clinic.post(f'/{kind}', body(kind, f'Encounter/{record}')).id}"
        for kind in RECORD_TYPES
        for record in during
    }
    found: list[str] = []
    url = f"/Encounter/{session}/$everything?_count=3"
    while url:
        page = clinic.get(url)
        assert len(page.resources) <= 3
        found += [f"{match['resourceType']}/{match['id']}" for match in page.resources]
        url = next((link["url"] for link in page.body["link"] if link["relation"] == "next"), "")
    assert len(found) == len(set(found))
    assert set(found) == made | {f"Encounter/{record}" for record in during}
    typed = clinic.get(f"/Encounter/{session}/$everything?_type=Observation,Task").resources
    assert sorted({value["resourceType"] for value in typed}) == ["Observation", "Task"]
    assert len(typed) == 4


def test_everything_has_a_document_of_two_encounters_once(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session(subject=None)).id
    during = [
        session,
        *(clinic.post("/Encounter", care.medical_encounter(session, care.HOMER)).id for _ in "ab"),
        clinic.post("/Encounter", care.session()).id,
    ]
    pairs = [(during[number], during[other]) for number in range(4) for other in range(number)]
    made = [
        clinic.post(
            "/DocumentReference",
            body("DocumentReference", *(f"Encounter/{encounter_id}" for encounter_id in pair)),
        ).id
        for pair in pairs
    ]
    found: list[str] = []
    url = f"/Encounter/{session}/$everything?_count=1&_type=DocumentReference"
    while url:
        page = clinic.get(url)
        found += page.ids
        url = next((link["url"] for link in page.body["link"] if link["relation"] == "next"), "")
    assert sorted(found) == sorted(made)


def test_a_page_of_everything_ends_before_its_records_are_more_than_an_answer_holds(
    clinic: ApiClient,
) -> None:
    session = clinic.post("/Encounter", care.session()).id
    text, number = "long " * 150_000, 7
    for _ in range(number):
        long = body("DocumentReference", f"Encounter/{session}") | {"description": text}
        assert clinic.post("/DocumentReference", long).status == 201
    first = clinic.get(f"/Encounter/{session}/$everything?_count=100")
    assert len(first.text) < 5 * 1024 * 1024
    (following,) = (link["url"] for link in first.body["link"] if link["relation"] == "next")
    assert len(first.ids) + len(clinic.get(following).ids) == 1 + number


def test_a_record_may_contain_a_vast_number(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session()).id
    vast = body("Observation", f"Encounter/{session}") | {"valueQuantity": {"value": "VAST"}}
    recorded = clinic.post("/Observation", json.dumps(vast).replace('"VAST"', "1e400"))
    url = f"/Encounter/{session}/$everything?_since=2020-01-01T00:00:00Z"
    assert clinic.get(url).ids == [session, recorded.id]


@pytest.mark.parametrize("name", ["x#y", "ü x", "x" * 3000, ""])
def test_a_record_cannot_name_an_impossible_encounter(clinic: ApiClient, name: str) -> None:
    recorded = clinic.post("/Observation", body("Observation", f"Encounter/{name}"))
    refusals.check(recorded, 400, "value", "Observation.encounter.reference")
    assert clinic.get(f"/Observation?encounter=Encounter/{quote(name)}").ids == []


def test_deleting_an_encounter_keeps_its_records(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session()).id
    record = clinic.post("/Observation", body("Observation", f"Encounter/{session}"))
    assert clinic.administrator.delete(f"/Encounter/{session}").status == 204
    assert clinic.get(f"/Observation/{record.id}").body == record.body
    assert clinic.get(f"/Observation?encounter=Encounter/{session}").ids == [record.id]


def test_a_record_can_only_name_an_existing_encounter(clinic: ApiClient) -> None:
    refused = clinic.post("/Observation", body("Observation", "Encounter/nowhere"))
    assert (refused.status, refused.expressions) == (422, ["Observation.encounter.reference"])
