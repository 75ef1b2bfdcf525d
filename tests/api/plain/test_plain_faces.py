"""One resource through FHIR and the plain-JSON API: no change loses what the other wrote."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import Answer, ApiClient
from tests.support.plain_client import PlainClient

type Json = dict[str, Any]

# Tables in memory, as there are many requests.
pytestmark = pytest.mark.usefixtures("practice")
FACE = PlainClient()
EXAMPLES = sorted(
    (Path(__file__).parents[2] / "fixtures/r4-examples").glob("[CE][on]*.json"),
    key=lambda path: path.name,
)
LOINC = "http://loinc.org"
MORE: Json = {
    "class": {"system": care.ACT_CODE, "code": "AMB", "version": "1", "display": "visit"},
    "extension": [{"url": "https://clinic.example/x", "valueString": "kept"}],
    "_status": {"extension": [{"url": "https://clinic.example/y", "valueCode": "kept"}]},
    "type": [
        {"text": "Annual", "coding": [{"system": LOINC, "code": "1"}, {"code": "2"}]},
        {"text": "Follow-up"},
    ],
    "participant": [
        {
            "type": [{"text": "attending"}],
            "period": {"start": "2026-11-20"},
            "individual": {"reference": care.ALICE, "display": "Alice"},
        },
        {"individual": care.reference("RelatedPerson/marge")},
        {"individual": {"display": "Somebody"}},
        {"individual": care.reference("Practitioner/nick")},
    ],
    "location": [
        {"location": {"reference": "Location/1", "display": "Ward"}, "status": "active"},
        {"location": {"display": "Room"}},
    ],
    "length": {"value": 1.5, "unit": "h", "system": "http://unitsofmeasure.org", "code": "h"},
    "hospitalization": {"reAdmission": {"text": "R"}},
    "diagnosis": [
        {
            "condition": care.reference("Condition/1"),
            "extension": [{"url": "u", "valueCode": "k"}],
        }
    ],
}
RICH = care.session(**MORE)


def content(answer: Answer) -> Json:
    """Return a resource without the parts that change with every version."""
    return {name: value for name, value in answer.body.items() if name != "meta"}


def test_a_resource_created_in_fhir_is_readable_as_plain_json(clinic: ApiClient) -> None:
    own_id = clinic.post("/Encounter", RICH).id
    data = FACE.get(f"/encounters/{own_id}").body["data"]
    assert data == {
        "id": own_id,
        "version": "1",
        "updated": data["updated"],
        "status": "in-progress",
        "class": "AMB",
        "patientId": "homer-simpson",
        "practitionerId": "doctor-alice-smith",
        "practitionerIds": ["doctor-alice-smith", "nick"],
        "relatedPersonId": "marge",
        "type": {"system": LOINC, "code": "1", "text": "Annual"},
        "types": [{"system": LOINC, "code": "1", "text": "Annual"}, "Follow-up"],
        "lengthMinutes": 90,
        "location": {"reference": "Location/1", "display": "Ward"},
        "locations": [{"reference": "Location/1", "display": "Ward"}, "Room"],
        "diagnosis": [{"condition": "Condition/1"}],
    }


CHANGES: list[tuple[Json, str, Any]] = [
    ({"status": "onleave"}, "status", "onleave"),
    ({"class": "VR"}, "class", {"system": care.ACT_CODE, "code": "VR", "display": "virtual"}),
    ({"type": "Other"}, "type", [{"text": "Other"}, RICH["type"][1]]),
    ({"types": ["Follow-up"]}, "type", [RICH["type"][1]]),
    ({"types": ["New", "Follow-up"]}, "type", [{"text": "New"}, RICH["type"][1]]),
    (
        {"practitionerId": "nick"},
        "participant",
        [
            RICH["participant"][3],
            *RICH["participant"][1:],
        ],
    ),
    (
        {"practitionerIds": ["bob"]},
        "participant",
        [
            RICH["participant"][0] | {"individual": care.reference("Practitioner/bob")},
            *RICH["participant"][1:3],
        ],
    ),
    (
        {"practitionerId": None},
        "participant",
        RICH["participant"][1:3],
    ),
    (
        {"location": "Hall"},
        "location",
        [{"location": {"display": "Hall"}, "status": "active"}, RICH["location"][1]],
    ),
    (
        {"diagnosis": [{"condition": "Condition/1", "rank": 1}]},
        "diagnosis",
        [RICH["diagnosis"][0] | {"rank": 1}],
    ),
    ({"patientId": "bart"}, "subject", {"reference": "Patient/bart"}),
    ({"lengthMinutes": 90}, "length", RICH["length"]),
]


@pytest.mark.parametrize(("change", "element", "expected"), CHANGES)
def test_a_change_keeps_elements_that_only_fhir_can_express(
    clinic: ApiClient, change: Json, element: str, expected: Any
) -> None:
    before = clinic.post("/Encounter", RICH)
    answer = FACE.patch(f"/encounters/{before.id}", change)
    assert answer.status == 200, answer.text
    after = content(clinic.get(f"/Encounter/{before.id}"))
    assert after.pop("statusHistory", None) is None or element == "status"
    assert after == content(before) | {element: expected}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_putting_back_what_was_read_as_plain_json_changes_nothing(
    clinic: ApiClient, path: Path
) -> None:
    example = json.loads(path.read_text())
    collection = "encounters" if example["resourceType"] == "Encounter" else "threads"
    for name in ("partOf", "encounter"):  # its references are not stored here
        example.pop(name, None)
    url = f"/{example['resourceType']}/{example['id']}"
    assert clinic.put(url, example).status == 201
    before = clinic.get(url)
    own = f"/{collection}/{example['id']}"
    data = FACE.get(own).body["data"]
    for answer in (FACE.put(own, data), FACE.patch(own, data), FACE.patch(own, {})):
        assert answer.status == 200, answer.text
        assert answer.body["data"] == data
    assert clinic.get(url).body == before.body, "not even a version was made"


def test_a_put_removes_the_fields_it_leaves_out_and_nothing_else(clinic: ApiClient) -> None:
    before = clinic.post("/Encounter", RICH)
    assert (
        FACE.put(f"/encounters/{before.id}", {"status": "in-progress", "class": "AMB"}).status
        == 200
    )
    after = content(clinic.get(f"/Encounter/{before.id}"))
    kept = ("resourceType", "id", "status", "_status", "class", "extension", "hospitalization")
    assert after == {name: RICH.get(name, before.id) for name in kept} | {
        "participant": [RICH["participant"][2]]
    }


def test_a_value_of_another_type_replaces_the_previous_one(clinic: ApiClient) -> None:
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "Mood"},
        "valueSampledData": {"origin": {"value": 0}, "period": 1, "dimensions": 1, "data": "1"},
    }
    own_id = clinic.post("/Observation", body).id
    assert FACE.patch(f"/observations/{own_id}", {"note": "as told"}).status == 200
    assert "valueSampledData" in clinic.get(f"/Observation/{own_id}").body
    for change in (
        {"valueString": "good"},
        {"valueQuantity": {"value": 5}},
        {"valueBoolean": True},
    ):
        data = FACE.patch(f"/observations/{own_id}", change).body["data"]
        assert {name: value for name, value in data.items() if name.startswith("value")} == change
    both = FACE.patch(f"/observations/{own_id}", {"valueString": "a", "valueInteger": 1})
    assert both.status == 400
    assert both.body["errors"][0]["pointer"] in ("#/valueString", "#/valueInteger")


def test_text_replaces_another_attachment(clinic: ApiClient) -> None:
    picture = {"contentType": "image/png", "data": "iVBORw0K", "title": "Rash", "size": 6}
    body = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": picture, "format": {"code": "x"}}],
    }
    own_id = clinic.post("/DocumentReference", body).id
    data = FACE.get(f"/notes/{own_id}").body["data"]
    assert (data["title"], data["contentType"]) == ("Rash", "image/png")
    assert "content" not in data
    assert FACE.put(f"/notes/{own_id}", data).body["data"] == data
    FACE.patch(f"/notes/{own_id}", {"content": "A rash"})
    (stored,) = clinic.get(f"/DocumentReference/{own_id}").body["content"]
    assert stored == {
        "attachment": {
            "contentType": "text/plain; charset=utf-8",
            "data": "QSByYXNo",
            "title": "Rash",
        },
        "format": {"code": "x"},
    }


def test_version_conditions_hold_across_both_apis(clinic: ApiClient) -> None:
    created = FACE.post("/encounters", {"status": "in-progress", "class": "AMB"})
    own_id = created.body["data"]["id"]
    stored = clinic.get(f"/Encounter/{own_id}")
    assert stored.headers["ETag"] == created.headers["ETag"]
    more = stored.body | {"hospitalization": {"reAdmission": {"text": "R"}}}
    changed = clinic.put(f"/Encounter/{own_id}", more, if_match=created.headers["ETag"])
    assert changed.status == 200
    late = FACE.put(
        f"/encounters/{own_id}",
        {"status": "finished", "class": "AMB"},
        if_match=created.headers["ETag"],
    )
    assert late.status == 412
    assert FACE.patch(f"/encounters/{own_id}", {"priority": "high"}).status == 200
    assert clinic.put(f"/Encounter/{own_id}", more, if_match=changed.headers["ETag"]).status == 412
    both = clinic.get(f"/Encounter/{own_id}").body
    assert both["hospitalization"] == more["hospitalization"]
    assert both["priority"] == {"text": "high"}
    assert len(clinic.get(f"/Encounter/{own_id}/_history").body["entry"]) == 3


@pytest.mark.parametrize(
    ("collection", "kind"),
    [("observations", "Observation"), ("prescriptions", "MedicationRequest")],
)
def test_a_value_marked_absent_stays_absent(clinic: ApiClient, collection: str, kind: str) -> None:
    absent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    example = care.example(kind, _status={"extension": [{"url": absent, "valueCode": "unknown"}]})
    del example["status"]
    before = clinic.post(f"/{kind}", example)
    answer = FACE.patch(f"/{collection}/{before.id}", {"note": "Seen"})
    assert answer.status == 200, answer.text
    after = content(clinic.get(f"/{kind}/{before.id}"))
    assert after == content(before) | {"note": [{"text": "Seen"}]}


@pytest.mark.parametrize("kind", ["text/plain", "text/html"])
def test_text_attachments_state_their_character_encoding(clinic: ApiClient, kind: str) -> None:
    written = {"contentType": f"{kind}; charset=ISO-8859-1", "data": "QSByYXNo"}
    body = care.example("DocumentReference", content=[{"attachment": written}])
    own_id = clinic.post("/DocumentReference", body).id
    FACE.patch(f"/notes/{own_id}", {"content": "Ausschläge"})
    (stored,) = clinic.get(f"/DocumentReference/{own_id}").body["content"]
    assert stored["attachment"]["contentType"] == f"{kind}; charset=utf-8"
