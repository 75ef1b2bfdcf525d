"""The collections of the plain-JSON API: their mapping to FHIR, and every interaction."""

from typing import Any

import pytest

from shared.plain.collection import Collection
from shared.plain.collections import COLLECTIONS
from tests.support import care, plain_values
from tests.support.api_client import ApiClient
from tests.support.plain_client import V1, PlainClient, refused_fields

type Json = dict[str, Any]

# Tables in memory, as there are many requests.
pytestmark = pytest.mark.usefixtures("practice")
FACE = PlainClient()
OF_THE_SERVER = ("id", "version", "updated")
VISIT: Json = {
    "status": "in-progress",
    "class": "AMB",
    "patientId": "homer-simpson",
    "practitionerId": "doctor-alice-smith",
    "type": "Annual wellness visit",
    "serviceType": "General practice",
    "reasonCode": "Check-up",
    "period": {"start": "2026-11-20T09:00:00Z"},
    "location": "Main Clinic - Room 204",
    "diagnosis": [{"condition": "Essential hypertension", "use": "AD", "rank": 1}],
}
by_name = pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=lambda each: each.name)


def content(data: Json) -> Json:
    """Return a member without the server's own fields."""
    return {name: value for name, value in data.items() if name not in OF_THE_SERVER}


def body_of(collection: Collection, clinic: ApiClient) -> Json:
    """Return an example whose thread and encounter exist."""
    body = dict(collection.example)
    if any("encounterId" in field.names for field in collection.fields):
        body["encounterId"] = clinic.post("/Encounter", care.session()).id
    if "threadId" in body:
        body["threadId"] = clinic.post("/Communication", care.header()).id
    return body


@by_name
def test_every_interaction_with_every_collection(clinic: ApiClient, collection: Collection) -> None:
    body = body_of(collection, clinic)
    created = FACE.post(f"/{collection.name}", body)
    assert created.status == 201, created.text
    data = created.body["data"]
    path = f"/{collection.name}/{data['id']}"
    assert created.headers["Location"] == f"{V1}{path}"
    assert created.headers["ETag"] == f'W/"{data["version"]}"'
    assert content(data).items() >= body.items()

    assert FACE.get(path).body == {"data": data}
    assert FACE.get(path, if_none_match=created.headers["ETag"]).status == 304
    assert data in FACE.get(f"/{collection.name}").body["data"]
    in_fhir = clinic.get(f"/{collection.type}/{data['id']}")
    assert in_fhir.status == 200
    assert in_fhir.body["resourceType"] == collection.type

    patched = FACE.patch(path, {"identifiers": [{"system": "urn:x", "value": "1"}]})
    assert content(patched.body["data"]).items() >= content(data).items()
    assert patched.body["data"]["identifiers"] == [{"system": "urn:x", "value": "1"}]
    replaced = FACE.put(path, body, if_match=patched.headers["ETag"])
    assert content(replaced.body["data"]) == content(data)
    assert FACE.put(path, body).body == replaced.body, "nothing was to be changed"

    assert FACE.administrator.delete(path).status == 204
    assert FACE.administrator.delete(path).status == 204
    assert FACE.get(path).status == 410
    assert FACE.get(f"/{collection.name}").body["data"] == []
    assert FACE.put(path, body).status == 201, "it is there again"


def test_a_visit_is_a_valid_encounter_in_fhir(clinic: ApiClient) -> None:
    data = FACE.create("/encounters", VISIT)
    assert content(data) == VISIT
    encounter = clinic.get(f"/Encounter/{data['id']}").body
    assert {name: value for name, value in encounter.items() if name not in ("id", "meta")} == {
        "resourceType": "Encounter",
        "status": "in-progress",
        "class": {"system": care.ACT_CODE, "code": "AMB", "display": "ambulatory"},
        "subject": {"reference": "Patient/homer-simpson"},
        "participant": [{"individual": {"reference": "Practitioner/doctor-alice-smith"}}],
        "type": [{"text": "Annual wellness visit"}],
        "serviceType": {"text": "General practice"},
        "reasonCode": [{"text": "Check-up"}],
        "period": {"start": "2026-11-20T09:00:00Z"},
        "location": [{"location": {"display": "Main Clinic - Room 204"}}],
        "diagnosis": [
            {
                "condition": {"display": "Essential hypertension"},
                "use": {
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/diagnosis-role",
                            "code": "AD",
                            "display": "Admission diagnosis",
                        }
                    ]
                },
                "rank": 1,
            }
        ],
    }


def test_a_visit_is_finished_by_a_patch_of_its_status(clinic: ApiClient) -> None:
    created = FACE.create("/encounters", VISIT)
    period = {"start": "2026-11-20T09:00:00Z", "end": "2026-11-20T09:45:00Z"}
    change = {"status": "finished", "period": period, "lengthMinutes": 45}
    done = FACE.patch(f"/encounters/{created['id']}", change)
    assert content(done.body["data"]) == VISIT | change
    encounter = clinic.get(f"/Encounter/{created['id']}").body
    assert encounter["length"] == {
        "value": 45,
        "unit": "min",
        "system": "http://unitsofmeasure.org",
        "code": "min",
    }
    assert [entry["status"] for entry in encounter["statusHistory"]] == ["in-progress"]


def test_a_part_of_an_object_is_merged_with_the_rest_of_it() -> None:
    path = f"/encounters/{FACE.create('/encounters', VISIT)['id']}"
    changed = FACE.patch(path, {"period": {"end": "2026-11-20T10:00:00Z"}, "reasonCode": None})
    data = changed.body["data"]
    assert data["period"] == VISIT["period"] | {"end": "2026-11-20T10:00:00Z"}
    assert "reasonCode" not in data
    media = "application/merge-patch+json"
    assert FACE.patch(path, {"period": None}, content_type=media).status == 200
    assert "period" not in FACE.get(path).body["data"]


def test_null_removes_a_member_of_an_object() -> None:
    period = {"start": "2026-11-20T09:00:00Z", "end": "2026-11-20T10:00:00Z"}
    path = f"/encounters/{FACE.create('/encounters', VISIT | {'period': period})['id']}"
    changed = FACE.patch(path, {"period": {"start": None}, "serviceType": {"text": None}})
    assert changed.status == 200, changed.text
    assert changed.body["data"]["period"] == {"end": period["end"]}
    assert "serviceType" not in changed.body["data"]
    assert "period" not in FACE.patch(path, {"period": {"end": None}}).body["data"]
    before = FACE.get(path).body
    assert FACE.patch(path, {"period": {"end": None}}).body == before


def test_records_are_made_during_an_encounter(clinic: ApiClient) -> None:
    during = {"encounterId": FACE.create("/encounters", VISIT)["id"], "patientId": "homer-simpson"}
    heart: Json = {
        "status": "final",
        "code": plain_values.LOINC,
        "valueQuantity": {"value": 72, "unit": "/min"},
    }
    note = {
        "authorId": "doctor-alice-smith",
        "title": "Visit",
        "content": "Grüße\nan alle",
        "type": "Progress note",
    }
    tablet = {"medication": "Ibuprofen 400 mg", "dosage": "One a day", "refills": 2}
    lumbago = {"summary": "Muscular", "finding": "Lumbago", "problem": "Back pain"}
    for path, body, kind in (
        ("/observations", heart, "Observation"),
        ("/notes", note, "DocumentReference"),
        ("/prescriptions", tablet, "MedicationRequest"),
        ("/assessments", lumbago, "ClinicalImpression"),
    ):
        data = FACE.create(path, body | during)
        assert data.items() >= (body | during).items()
        assert clinic.get(f"/{kind}/{data['id']}").status == 200
        listed = FACE.get(f"{path}?encounterId={during['encounterId']}").body
        assert listed == {"data": [data], "next": None}
    recorded = clinic.get(f"/Encounter/{during['encounterId']}/$everything").resources
    assert {record["resourceType"] for record in recorded} >= {"Observation", "MedicationRequest"}


def test_a_conversation_is_linked_to_its_session() -> None:
    session = FACE.create("/encounters", {"status": "in-progress", "class": "VR"})["id"]
    thread = FACE.create("/threads", {"topic": "Back pain", "patientId": "homer-simpson"})
    sent = [
        FACE.create(
            "/messages",
            {
                "threadId": thread["id"],
                "senderId": "Patient/homer-simpson",
                "sent": f"2026-02-20T09:0{minute}:00Z",
                "text": f"Message {minute}",
            },
        )
        for minute in range(3)
    ]
    linked = FACE.patch(f"/threads/{thread['id']}", {"encounterId": session})
    assert linked.body["data"]["encounterId"] == session
    for query in (f"threadId={thread['id']}", f"encounterId={session}"):
        assert FACE.get(f"/messages?{query}&sort=date").body["data"] == sent
        newest = FACE.get(f"/messages?{query}&sort=-date&count=1").body["data"]
        assert newest == [sent[-1]]
    assert FACE.get(f"/threads?encounterId={session}").body["data"] == [linked.body["data"]]
    closed = FACE.patch(f"/encounters/{session}", {"status": "finished"}).body["data"]
    assert closed["period"] == {
        "start": "2026-02-20T09:00:00.000Z",
        "end": "2026-02-20T09:02:00.000Z",
    }
    assert closed["lengthMinutes"] == 2


def test_threads_and_messages_are_separate_collections() -> None:
    thread = FACE.create("/threads", {"topic": "Back pain"})["id"]
    message = FACE.create("/messages", {"threadId": thread, "text": "It hurts"})["id"]
    assert [member["id"] for member in FACE.get("/threads").body["data"]] == [thread]
    assert [member["id"] for member in FACE.get("/messages").body["data"]] == [message]
    for collection, other, body in (("threads", message, {}), ("messages", thread, {"text": "x"})):
        path = f"/{collection}/{other}"
        put = {"threadId": thread} if collection == "messages" else {}
        answers = (
            FACE.get(path),
            FACE.patch(path, body),
            FACE.put(path, put),
            FACE.administrator.delete(path),
        )
        assert [answer.status for answer in answers] == [404] * 4


def test_a_client_may_choose_ids() -> None:
    created = FACE.put("/encounters/visit-1", VISIT)
    assert created.status == 201
    assert created.headers["Location"] == f"{V1}/encounters/visit-1"
    assert content(FACE.get("/encounters/visit-1").body["data"]) == VISIT
    assert FACE.put("/encounters/visit-1", VISIT | {"id": "visit-1"}).status == 200
    other = FACE.put("/encounters/visit-3", VISIT | {"id": "visit-1"})
    assert (other.status, refused_fields(other)) == (400, ["#/id"])
    assert FACE.create("/encounters", VISIT | {"id": "visit-2"})["id"] != "visit-2"


@pytest.mark.parametrize("accept", ["application/fhir+xml", "text/html", "*/*", "nonsense", ""])
def test_answers_are_json_whatever_accept_says(accept: str) -> None:
    created = FACE.post("/encounters", VISIT, accept=accept)
    assert created.status == 201
    assert FACE.get(f"/encounters/{created.body['data']['id']}", accept=accept).status == 200
    assert FACE.get("/encounters/none", accept=accept).status == 404


def test_the_encoding_of_a_body_makes_no_difference() -> None:
    packed = PlainClient(ApiClient(sends_base64=True))
    assert content(packed.create("/encounters", VISIT)) == VISIT


def test_a_number_is_kept_digit_for_digit() -> None:
    body = '{"status": "final", "code": "Weight", "valueQuantity": {"value": 72.50}}'
    created = FACE.post("/observations", body)
    assert '"value":72.50' in created.text
    path = f"/observations/{created.body['data']['id']}"
    assert '"value":72.50' in FACE.get(path).text
    finer = FACE.patch(path, '{"valueQuantity": {"value": 72.500}}')
    assert '"value":72.500' in finer.text
