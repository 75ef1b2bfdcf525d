"""Hard cases of directory and records: identifiers, moves, many values, many types."""

import random
from string import ascii_letters
from typing import Any

import pytest

from shared.catalog.types import DIRECTORY_TYPES, RECORD_TYPES
from shared.store.index.rows import MOST_INDEX_ROWS
from tests.support import care, refusals
from tests.support.api_client import ApiClient

pytestmark = pytest.mark.usefixtures("practice")  # in memory
URN = "urn:uuid:00000000-0000-4000-8000-00000000000"
MARK = {"system": "https://clinic.example/ids", "value": "1"}
NAMED = f"identifier={MARK['system']}|1"
# Types whose identifier is not a list, or has another name.
IDENTIFIED = [
    ("Patient", {"identifier": [MARK]}),
    ("Observation", {"identifier": [MARK]}),
    ("QuestionnaireResponse", {"identifier": MARK}),
    ("DocumentReference", {"masterIdentifier": MARK}),
]


@pytest.mark.parametrize(("kind", "identified"), IDENTIFIED)
def test_a_conditional_write_matches_by_identifier(
    clinic: ApiClient, kind: str, identified: dict[str, Any]
) -> None:
    body = care.example(kind, **identified)
    created = clinic.post(f"/{kind}", body, if_none_exist=NAMED)
    assert created.status == 201, created.text
    again = clinic.post(f"/{kind}", body, if_none_exist=NAMED)
    assert (again.status, again.id) == (200, created.id)
    changed = clinic.put(f"/{kind}?{NAMED}", body | {"language": "de"})
    assert (changed.status, changed.id, changed.version) == (200, created.id, "2")
    patch = [{"op": "remove", "path": "/language"}]
    assert clinic.patch(f"/{kind}?{NAMED}", patch).version == "3"
    second = clinic.post(f"/{kind}", body)
    refusals.check(clinic.put(f"/{kind}?{NAMED}", body), 412, "conflict")
    assert clinic.administrator.delete(f"/{kind}/{second.id}").status == 204
    assert clinic.administrator.delete(f"/{kind}?{NAMED}").status == 204
    assert clinic.get(f"/{kind}/{created.id}").status == 410
    assert clinic.post(f"/{kind}", body, if_none_exist=NAMED).status == 201


def entry(kind: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "fullUrl": f"{URN}{number}",
        "request": {"method": "POST", "url": kind},
        "resource": care.example(kind, **more),
    }


def visit() -> list[dict[str, Any]]:
    """Return a patient, their visit and its records, each referring to the previous."""
    patient, encounter, condition = (care.reference(f"{URN}{number}") for number in (1, 2, 3))
    return [
        entry("Observation", 4, subject=patient, encounter=encounter, focus=[condition]),
        entry("Encounter", 2, subject=patient, diagnosis=[{"condition": condition}]),
        entry("Condition", 3, subject=patient, encounter=encounter),
        entry("Patient", 1, identifier=[MARK]),
        entry("DocumentReference", 5, subject=patient, context={"encounter": [encounter]}),
    ]


def sent(clinic: ApiClient, entries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Send a transaction, and return type and id of each created resource."""
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = clinic.post("/", bundle)
    assert answer.status == 200, answer.text
    places = [made["response"]["location"].split("/") for made in answer.body["entry"]]
    return [(place[-4], place[-3]) for place in places]


def test_a_transaction_makes_people_a_visit_and_its_records_together(clinic: ApiClient) -> None:
    made = sent(clinic, visit())
    assert [kind for kind, _ in made] == [resource["request"]["url"] for resource in visit()]
    ids = dict(made)
    observation = clinic.get(f"/Observation/{ids['Observation']}").body
    assert observation["subject"] == care.reference(f"Patient/{ids['Patient']}")
    assert observation["focus"] == [care.reference(f"Condition/{ids['Condition']}")]
    encounter = clinic.get(f"/Encounter/{ids['Encounter']}").body
    assert encounter["diagnosis"] == [
        {"condition": care.reference(f"Condition/{ids['Condition']}")}
    ]
    matches = clinic.get(f"/Encounter/{ids['Encounter']}/$everything").resources
    assert {match["resourceType"] for match in matches} == set(ids) - {"Patient"}
    for kind in ("Observation", "Condition", "DocumentReference"):
        assert clinic.get(f"/{kind}?encounter={ids['Encounter']}").ids == [ids[kind]]
        assert clinic.get(f"/{kind}?patient={ids['Patient']}").ids == [ids[kind]]


def test_a_transaction_with_one_wrong_entry_creates_nothing(clinic: ApiClient) -> None:
    entries = visit()
    entries[-1]["resource"]["status"] = "nonsense"
    answer = clinic.post("/", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert answer.status == 400
    for kind in ("Patient", "Encounter", "Condition", "Observation", "DocumentReference"):
        assert clinic.get(f"/{kind}").ids == []


def test_the_history_of_a_record_keeps_each_encounter_it_named(clinic: ApiClient) -> None:
    first, second = (clinic.post("/Encounter", care.session()).id for _ in range(2))
    url = f"/Observation/{clinic.post('/Observation', observed(first)).id}"
    assert clinic.put(url, observed(second, id=url[13:])).version == "2"
    assert clinic.administrator.delete(url).status == 204
    assert clinic.put(url, observed(first, id=url[13:])).version == "4"
    entries = clinic.get(f"{url}/_history").body["entry"]
    assert [version["request"]["method"] for version in entries] == ["PUT", "DELETE", "PUT", "POST"]
    named = [
        version.get("resource", {}).get("encounter", {}).get("reference") for version in entries
    ]
    assert named == [f"Encounter/{first}", None, f"Encounter/{second}", f"Encounter/{first}"]
    assert clinic.get(f"/Observation?encounter={first}").ids == [url[13:]]
    assert clinic.get(f"/Observation?encounter={second}").ids == []
    assert clinic.get(f"{url}/_history/3").status == 410


def observed(encounter: str, **more: Any) -> dict[str, Any]:
    during = care.reference(f"Encounter/{encounter}")
    return care.example("Observation", encounter=during, **more)


def test_a_record_with_more_values_than_rows_is_refused_by_their_element(clinic: ApiClient) -> None:
    names = [{"family": f"Family {number}"} for number in range(MOST_INDEX_ROWS)]
    refused = clinic.post("/Patient", care.example("Patient", name=names))
    refusals.check(refused, 422, "business-rule", "Patient.name.family")
    document = care.example("DocumentReference")
    ids = [clinic.post("/Encounter", care.session()).id for _ in range(3)] * MOST_INDEX_ROWS
    context = {"encounter": [care.reference(f"Encounter/{one}") for one in ids]}
    assert clinic.post("/DocumentReference", document | {"context": context}).status == 201


def test_a_document_may_name_as_many_encounters_as_it_has_rows_for(clinic: ApiClient) -> None:
    document = care.example("DocumentReference")
    ids = [clinic.post("/Encounter", care.session()).id for _ in range(MOST_INDEX_ROWS)]
    context = {"encounter": [care.reference(f"Encounter/{one}") for one in ids]}
    refused = clinic.post("/DocumentReference", document | {"context": context})
    refusals.check(refused, 422, "business-rule", "DocumentReference.context.encounter")
    context["encounter"] = context["encounter"][:20]
    created = clinic.post("/DocumentReference", document | {"context": context})
    assert created.status == 201, created.text
    for own_id in ids[:20]:
        assert clinic.get(f"/DocumentReference?encounter={own_id}").ids == [created.id]


def test_a_document_of_hundreds_of_kilobytes_is_kept_and_found(clinic: ApiClient) -> None:
    session = clinic.post("/Encounter", care.session()).id
    text = "".join(random.Random(1).choices(ascii_letters, k=400_000))
    content = [{"attachment": {"contentType": "text/plain", "title": text[:350_000]}}]
    during = {"encounter": [care.reference(f"Encounter/{session}")]}
    document = care.example("DocumentReference", content=content, context=during)
    created = clinic.post("/DocumentReference", document)
    assert created.status == 201, created.text[:500]
    url = f"/DocumentReference/{created.id}"
    assert clinic.get(url).text == created.text
    assert clinic.get(f"/DocumentReference?encounter={session}").resources == [created.body]
    everything = clinic.get(f"/Encounter/{session}/$everything?_type=DocumentReference")
    assert everything.resources == [created.body]
    content[0]["attachment"]["title"] = text * 2
    refusals.check(clinic.put(url, document | {"id": created.id}), 413, "too-long")
    assert clinic.get(url).text == created.text


@pytest.mark.parametrize("kind", [*DIRECTORY_TYPES, *RECORD_TYPES])
def test_a_type_is_validated_and_shown_in_part(clinic: ApiClient, kind: str) -> None:
    fine = clinic.post(f"/{kind}/$validate", care.example(kind))
    assert not {issue["severity"] for issue in fine.body["issue"]} & {"error", "fatal"}
    wrong = clinic.post(f"/{kind}/$validate", care.example(kind, unheardOf=1))
    assert (wrong.status, wrong.expressions[0]) == (200, f"{kind}.unheardOf")
    noted = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
    created = clinic.post(f"/{kind}", care.example(kind, text=noted, language="en"))
    url = f"/{kind}/{created.id}"
    (tag,) = clinic.get(f"{url}?_summary=true").body["meta"]["tag"]
    assert tag["code"] == "SUBSETTED"
    assert "text" not in clinic.get(f"{url}?_summary=true").body
    part = clinic.get(f"{url}?_elements=language").body
    assert part["language"] == "en"
    assert "text" not in part
    assert clinic.get(f"{url}?_summary=text").body["text"] == noted
    merged = clinic.call(
        "PATCH", url, {"language": None}, content_type="application/merge-patch+json"
    )
    assert (merged.status, "language" in merged.body) == (200, False)
    assert clinic.get(f"/{kind}?_id={created.id}&_summary=count").body["total"] == 1
