"""Refusals of the plain-JSON API: problem documents that name what is wrong and no more."""

from random import Random
from typing import Any

import pytest

from shared import settings
from shared.plain.collection import Collection
from shared.plain.collections import COLLECTIONS
from shared.plain.endpoint import MOST_ELEMENTS
from tests.support import care, plain_values
from tests.support.api_client import ApiClient
from tests.support.consistency import stored_items
from tests.support.plain_client import PlainClient, check_problem, refused_fields

type Json = dict[str, Any]

# Tables in memory, as there are many requests.
pytestmark = pytest.mark.usefixtures("practice")
FACE = PlainClient()
VISIT: Json = {"status": "in-progress", "class": "AMB"}
by_name = pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=lambda each: each.name)

WRONG: list[tuple[str, Any, list[str]]] = [
    ("encounters", [], ["#"]),
    ("encounters", '"text"', ["#"]),
    ("encounters", {}, ["#/status", "#/class"]),
    ("encounters", VISIT | {"colour": "red", "a/b~": 1}, ["#/colour", "#/a~1b~0"]),
    ("encounters", VISIT | {"resourceType": "Encounter"}, ["#/resourceType"]),
    ("encounters", VISIT | {"status": "done"}, ["#/status"]),
    ("encounters", VISIT | {"class": "AMBULATORY"}, ["#/class"]),
    ("encounters", VISIT | {"patientId": "Homer Simpson"}, ["#/patientId"]),
    ("encounters", VISIT | {"patientId": "Practitioner/1"}, ["#/patientId"]),
    ("encounters", VISIT | {"type": {"codes": "x"}}, ["#/type/codes", "#/type"]),
    ("encounters", VISIT | {"types": "Follow-up"}, ["#/types"]),
    ("encounters", VISIT | {"types": ["a", 5]}, ["#/types/1"]),
    ("encounters", VISIT | {"type": "a", "types": ["b"]}, ["#/types/0"]),
    ("encounters", VISIT | {"period": "2026"}, ["#/period"]),
    ("encounters", VISIT | {"period": {"begin": "2026"}}, ["#/period/begin"]),
    ("encounters", VISIT | {"period": {"start": "gestern"}}, ["#/period/start"]),
    ("encounters", VISIT | {"period": {"start": "2026-02", "end": "2026-01"}}, ["#/period"]),
    ("encounters", VISIT | {"lengthMinutes": "45"}, ["#/lengthMinutes"]),
    ("encounters", VISIT | {"diagnosis": [{"rank": 1}]}, ["#/diagnosis/0/condition"]),
    ("encounters", VISIT | {"diagnosis": [{"condition": "x", "rank": 0}]}, ["#/diagnosis/0/rank"]),
    ("encounters", VISIT | {"diagnosis": [{"condition": "x", "use": "A"}]}, ["#/diagnosis/0/use"]),
    ("encounters", VISIT | {"location": ""}, ["#/location"]),
    ("encounters", VISIT | {"location": {}}, ["#/location"]),
    ("observations", {"status": "final"}, ["#/code"]),
    ("observations", {"status": "final", "code": "x", "valueQuantity": 5}, ["#/valueQuantity"]),
    (
        "observations",
        {"status": "final", "code": "x", "valueQuantity": {"value": "72"}},
        ["#/valueQuantity/value"],
    ),
    (
        "observations",
        {"status": "final", "code": "x", "components": [{"valueString": "x"}]},
        ["#/components/0/code"],
    ),
    ("notes", {"patientId": "homer-simpson"}, ["#/content"]),
    ("prescriptions", {"patientId": "homer-simpson"}, ["#/medication"]),
    ("prescriptions", {"medication": "Ibuprofen"}, ["#/patientId"]),
    ("assessments", {"summary": "x"}, ["#/patientId"]),
    ("messages", {"text": "x"}, ["#/threadId"]),
    ("messages", {"threadId": "x", "senderId": "homer-simpson"}, ["#/senderId"]),
    ("threads", {"recipientIds": ["Patient/1", "Bart"]}, ["#/recipientIds/1"]),
]


@pytest.mark.parametrize(("collection", "body", "expected"), WRONG)
def test_each_wrong_field_is_named(collection: str, body: Any, expected: list[str]) -> None:
    before = stored_items()
    for answer in (FACE.post(f"/{collection}", body), FACE.put(f"/{collection}/own", body)):
        assert answer.status == 400, answer.text
        assert refused_fields(answer) == expected
    assert stored_items() == before


def test_all_wrong_fields_are_named_at_once() -> None:
    answer = FACE.post("/encounters", {"status": 1, "clas": 2, "period": {"start": 3}})
    assert refused_fields(answer) == ["#/status", "#/clas", "#/period/start", "#/class"]
    assert answer.body["title"] == "Bad Request"
    assert answer.body["detail"] == "There are 4 problems, listed in errors"


@by_name
def test_an_invalid_patch_changes_nothing(clinic: ApiClient, collection: Collection) -> None:
    body = plain_values.smallest_member(collection)
    if "threadId" in body:
        body["threadId"] = clinic.post("/Communication", care.header()).id
    path = f"/{collection.name}/{FACE.create(f'/{collection.name}', body)['id']}"
    before = stored_items()
    for field in collection.fields:
        for value in plain_values.invalid_values(field.kind)[:2]:
            answer = FACE.patch(path, {field.name: [value] if field.many else value})
            assert answer.status == 400, answer.text
            assert all(place.startswith(f"#/{field.name}") for place in refused_fields(answer))
    for change, place in (({"none": None}, "#/none"), ({"id": "x"}, "#/id"), ([], "#")):
        answer = FACE.patch(path, change)
        assert answer.status == 400, answer.text
        assert refused_fields(answer) == [place]
    assert stored_items() == before


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"partOfId": "nowhere"}, "#/partOfId"),
        ({"status": "finished", "partOfId": "Encounter/nowhere"}, "#/partOfId"),
    ],
)
def test_a_body_refused_by_a_rule_is_422_and_names_the_field(body: Json, place: str) -> None:
    answer = FACE.post("/encounters", VISIT | body)
    assert answer.status == 422
    assert answer.body["title"] == "Unprocessable Content"
    assert answer.body["code"] == "business-rule"
    assert refused_fields(answer) == [place]


def test_a_change_refused_by_a_rule_names_the_field() -> None:
    path = f"/encounters/{FACE.create('/encounters', VISIT | {'status': 'cancelled'})['id']}"
    for answer in (FACE.patch(path, {"status": "planned"}), FACE.put(path, VISIT)):
        assert answer.status == 422
        assert refused_fields(answer) == ["#/status"]
    thread = FACE.create("/threads", {})["id"]
    message = FACE.create("/messages", {"threadId": thread})["id"]
    moved = FACE.patch(f"/messages/{message}", {"threadId": FACE.create("/threads", {})["id"]})
    assert moved.status == 422
    assert refused_fields(moved) == ["#/threadId"]
    linked = FACE.patch(f"/threads/{thread}", {"encounterId": "nowhere"})
    assert linked.status == 422
    assert refused_fields(linked) == ["#/encounterId"]


def test_version_conditions_are_given_in_headers() -> None:
    path = f"/encounters/{FACE.create('/encounters', VISIT)['id']}"
    for method, body in (("PUT", VISIT), ("PATCH", {}), ("DELETE", None)):
        late = FACE.call(method, path, body, if_match='W/"9"')
        assert late.status == 412
        assert late.body["code"] == "conflict"
        empty = FACE.call(method, path, body, if_match='""')
        assert empty.status == 400
        assert refused_fields(empty) == ["If-Match"]
    there = FACE.put(path, VISIT, if_none_match="*")
    assert there.status == 412


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("GET", "/encounters/none", 404, []),
        ("PATCH", "/encounters/none", 404, []),
        ("GET", "/encounters/a_b", 400, ["id"]),
        ("GET", "/encounters/none?foo=1&bar=2", 400, ["foo", "bar"]),
        ("DELETE", "/encounters/none?foo=1", 400, ["foo"]),
        ("POST", "/encounters?foo=1", 400, ["foo"]),
        ("GET", "/nothing", 404, []),
        ("DELETE", "/nothing/1", 404, []),
        ("GET", "", 404, []),
        ("GET", "/a/b/c/d", 404, []),
        ("GET", "/Encounter/1", 404, []),
        ("DELETE", "/encounters", 405, []),
        ("POST", "/encounters/1", 405, []),
        ("PUT", "/encounters", 405, []),
    ],
)
def test_a_missing_path_or_resource_is_answered_by_a_problem_document(
    method: str, path: str, status: int, expected: list[str]
) -> None:
    answer = FACE.call(method, path, {} if method in ("POST", "PUT", "PATCH") else None)
    assert answer.status == status, answer.text
    assert refused_fields(answer) == expected
    assert (status == 405) is ("Allow" in answer.headers)


def test_a_missing_reference_is_named_in_terms_of_the_plain_api() -> None:
    thread = FACE.create("/threads", {})["id"]
    FACE.administrator.delete(f"/threads/{thread}")
    for own_id, status, text in (
        ("none", 404, "There is no none in threads"),
        (thread, 410, f"{thread} in threads is deleted"),
    ):
        for answer in (FACE.get(f"/threads/{own_id}"), FACE.patch(f"/threads/{own_id}", {})):
            assert (answer.status, answer.body["detail"]) == (status, text)


DEEP = '{"status": "planned", "class": "AMB", "x": %s}'
NO_JSON = [
    "{",
    "",
    '{"status": "a", "status": "b"}',
    "\ud800",
    "[" * 500,
    DEEP % ("[" * 300 + "]" * 300),
    DEEP % ('{"a":' * 5000 + "1" + "}" * 5000),
    '{"status": "planned", "class": "AMB", "type": "\\ud800"}',
]


@pytest.mark.parametrize("body", NO_JSON)
def test_a_body_that_is_not_json_is_refused(body: str) -> None:
    answer = FACE.call("POST", "/encounters", body)
    assert answer.status == 400, answer.text


@pytest.mark.parametrize(
    "media", ["text/xml", "application/fhir+json", "application/json-patch+json"]
)
def test_other_media_types_are_415(media: str) -> None:
    refused = FACE.post("/encounters", VISIT, content_type=media)
    assert refused.status == 415
    assert refused.body["detail"].endswith("Supported: application/json, in UTF-8")
    assert FACE.patch("/encounters/none", {}, content_type=media).status == 415


def test_a_body_too_large_to_store_is_413() -> None:
    words = Random(5).randbytes(450_000).hex()
    answer = FACE.post("/notes", {"content": words})
    assert answer.status == 413


def test_a_forbidden_request_is_answered_by_a_problem_document() -> None:
    nurse, auditor = PlainClient(ApiClient(role="nurse")), PlainClient(ApiClient(role="auditor"))
    assert nurse.get("/encounters").status == 403
    assert nurse.get("/nothing").status == 404
    assert auditor.get("/encounters").status == 200
    assert auditor.post("/encounters", VISIT).status == 403
    assert PlainClient(ApiClient(claims={"token_use": "id"})).get("/encounters").status == 401
    reads = PlainClient(ApiClient(claims={"scope": "user/Encounter.r"}))
    assert reads.get("/encounters").status == 403
    assert reads.get("/observations/1").status == 403
    assert reads.get("/encounters/none").status == 404


@pytest.mark.parametrize("base", ["", "/api/v1"])
def test_the_plain_api_is_served_beside_any_base(
    monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    """Its paths do not depend on FHIR's base path."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("BASE_PATH", base)
        settings.settings.cache_clear()
        created = FACE.post("/encounters", VISIT)
        assert created.status == 201
        assert FACE.get(f"/encounters/{created.body['data']['id']}").status == 200
        assert FACE.get("/nothing").status == 404
    settings.settings.cache_clear()


def test_fhir_refusals_stay_operation_outcomes(clinic: ApiClient) -> None:
    answer = clinic.get("/v1/encounters")
    assert answer.body["resourceType"] == "OperationOutcome"
    check_problem(FACE.get("/encounters/none"))
    entry = {"request": {"method": "GET", "url": "v1/encounters"}}
    batch = clinic.post("", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert batch.body["entry"][0]["response"]["status"] == "404"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_an_array_of_too_many_values_is_refused_before_it_is_read(
    method: str,
) -> None:
    path = "/encounters" if method == "POST" else "/encounters/1"
    body = {"status": "planned", "class": "VR", "practitionerIds": ["alice"] * (MOST_ELEMENTS + 1)}
    refused = FACE.call(method, path, body)
    assert (refused.status, refused.body["code"]) == (400, "too-costly")
    assert refused_fields(refused) == ["#/practitionerIds"]
