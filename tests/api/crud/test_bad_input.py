"""Bad input is answered by its own status and an OperationOutcome, and writes nothing."""

import random
from base64 import b64encode
from typing import Any

import pytest

from functions import create
from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.support import care, refusals
from tests.support.api_client import DOMAIN, ApiClient
from tests.support.consistency import stored_items
from tests.support.steps import open_session

ENCOUNTER = '{"resourceType":"Encounter","id":"own","status":"planned","class":{"code":"VR"}'
NESTED = 5000

MALFORMED = {
    "empty": "",
    "blank": " ",
    "cut": ENCOUNTER,
    "trailing": ENCOUNTER + "},",
    "two": ENCOUNTER + "}{}",
    "single quotes": "{'resourceType':'Encounter'}",
    "a property twice": ENCOUNTER + ',"status":"finished"}',
    "a property twice, inside": ENCOUNTER + ',"length":{"value":1,"value":2}}',
    "not a number": ENCOUNTER + ',"length":{"value":NaN}}',
    "infinity": ENCOUNTER + ',"length":{"value":-Infinity}}',
    "too large a number": ENCOUNTER + ',"length":{"value":1e99999999999999999999}}',
    "a leading zero": ENCOUNTER + ',"length":{"value":01}}',
    "half a surrogate pair": ENCOUNTER + ',"reasonCode":[{"text":"\\ud800"}]}',
    "its other half": ENCOUNTER + ',"reasonCode":[{"text":"\\udc00x"}]}',
    "half a pair as it is": ENCOUNTER + ',"reasonCode":[{"text":"\ud800"}]}',
    "half a pair as a name": ENCOUNTER + ',"\\ud800":1}',
    "a raw line end": ENCOUNTER + ',"reasonCode":[{"text":"\n"}]}',
    "deep arrays": "[" * NESTED + "]" * NESTED,
    "deep objects": ENCOUNTER + ',"length":' + '{"a":' * NESTED + "1" + "}" * NESTED + "}",
    "deep and unfinished": "[" * 100_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_json_is_400_everywhere(clinic: ApiClient, body: str) -> None:
    path = f"/Encounter/{open_session(clinic)}"
    before = stored_items()
    for answer in (
        clinic.post("/Encounter", body),
        clinic.put("/Encounter/own", body),
        clinic.patch(path, body),
        clinic.call("PATCH", path, body, content_type="application/json"),
    ):
        refusals.check(answer, 400, "structure", *answer.expressions)
        assert "class '" not in answer.text
    assert stored_items() == before


def test_bytes_that_are_not_utf_8_are_400() -> None:
    event = {
        "routeKey": "POST /fhir/R4/{type}",
        "rawPath": "/fhir/R4/Encounter",
        "headers": {"content-type": "application/fhir+json"},
        "pathParameters": {"type": "Encounter"},
        "requestContext": {
            "domainName": DOMAIN,
            "stage": "$default",
            "http": {"method": "POST"},
            "authorizer": {"jwt": {"claims": {"cognito:groups": "[admin]", "sub": "me"}}},
        },
        "body": b64encode(b'{"resourceType":"\xff"}').decode(),
        "isBase64Encoded": True,
    }
    answer = create.handler(event, None)
    assert answer["statusCode"] == 400
    assert "UTF-8" in answer["body"]


def test_a_refusal_repeats_nothing_of_a_malformed_body(clinic: ApiClient) -> None:
    for body in ('{"text": homer-simpson}', '{"homer-simpson":1,"homer-simpson":2}'):
        answer = clinic.post("/Encounter", body)
        refusals.check(answer, 400, "structure")
        assert "homer" not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        care.header(id="own"),
        {"resourceType": "Patient", "id": "own"},
        {"resourceType": "encounter", "id": "own"},
        {"resourceType": ["Encounter"], "id": "own"},
        {"resourceType": None},
        {"status": "planned", "class": {"code": "VR"}, "id": "own"},
        {},
        [],
        [care.session(id="own")],
        "null",
        '"Encounter"',
        "1",
        "true",
    ],
)
def test_a_body_of_another_type_than_the_url_is_400(clinic: ApiClient, body: Any) -> None:
    for answer in (clinic.post("/Encounter", body), clinic.put("/Encounter/own", body)):
        refusals.check(answer, 400, "structure", "resourceType")
    assert clinic.get("/Encounter/own").status == 404


def incompressible(size: int) -> list[dict[str, Any]]:
    """Return a payload of random, and so incompressible, bytes."""
    data = b64encode(random.Random(5).randbytes(size)).decode()
    return [{"contentAttachment": {"contentType": "image/png", "data": data}}]


def test_a_body_over_400_kb_after_compression_is_413_and_the_refusal_says_what_to_do(
    clinic: ApiClient,
) -> None:
    header_id = clinic.post("/Communication", care.header()).id
    small = clinic.post("/Communication", care.header(id="small"))
    path, before = f"/Communication/{small.id}", stored_items()
    add = [{"op": "add", "path": "/payload", "value": incompressible(450_000)}]
    for answer in (
        clinic.post("/Communication", care.message(header_id, payload=incompressible(450_000))),
        clinic.put("/Communication/own", care.header(id="own", payload=incompressible(450_000))),
        clinic.put(path, small.body | {"payload": incompressible(450_000)}),
        clinic.patch(path, add),
    ):
        refusals.check(answer, 413, "too-long")
        assert "Attachment.url" in answer.text
    assert stored_items() == before


def test_a_large_but_compressible_body_is_stored(clinic: ApiClient) -> None:
    payload = [{"contentString": f"{number} It itches " * 40_000} for number in range(2)]
    created = clinic.post("/Communication", care.header(payload=payload))
    assert created.status == 201, created.text
    assert clinic.get(f"/Communication/{created.id}").body["payload"] == payload


def test_a_body_of_nearly_400_kb_is_stored_and_found(clinic: ApiClient) -> None:
    created = clinic.post("/Communication", care.header(payload=incompressible(280_000)))
    assert created.status == 201, created.text
    matches = clinic.get(f"/Communication?subject={care.HOMER}&part-of:missing=true").resources
    assert matches == [created.body]


@pytest.mark.parametrize("own_id", ["a b", "a%20b", "ä", "%C3%A4", "a_b", "x" * 65, "a|b", "a:b"])
@pytest.mark.parametrize("resource_type", ["Encounter", "Communication"])
def test_a_malformed_id_is_400(clinic: ApiClient, resource_type: str, own_id: str) -> None:
    path, before = f"/{resource_type}/{own_id}", stored_items()
    for answer in (
        clinic.get(path),
        clinic.put(path, care.session(id=own_id)),
        clinic.patch(path, []),
        clinic.administrator.delete(path),
        clinic.get(f"{path}/_history"),
        clinic.get(f"{path}/_history/1"),
    ):
        refusals.check(answer, 400, "invalid", f"{resource_type}.id")
    assert stored_items() == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/Medication"),
        ("GET", "/Patient/1"),
        ("POST", "/Medication"),
        ("PUT", "/Medication/1"),
        ("GET", "/encounter"),
        ("GET", "/Encounter/1/2"),
        ("GET", "/Encounter/1/_history/1/2"),
        ("GET", "/Encounter/1/history"),
        ("DELETE", "/Encounter/1/_elsewhere/1"),
        ("POST", "/nothing/at/all"),
        ("GET", "/_history"),
        ("GET", "/Encounter/_history"),
    ],
)
def test_an_unknown_path_is_404(clinic: ApiClient, method: str, path: str) -> None:
    body = {"resourceType": "Patient", "id": "1"} if method in ("POST", "PUT") else None
    refusals.check(clinic.call(method, path, body), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "offered"),
    [
        ("POST", "/Encounter/1", ["DELETE", "GET", "HEAD", "PATCH", "PUT"]),
        ("DELETE", "/Encounter/_search", ["POST"]),
        ("PUT", "/Encounter/1/_history/1", ["GET", "HEAD"]),
        ("POST", "/Encounter/1/_history", ["GET", "HEAD"]),
        ("GET", "/Encounter/_search", ["POST"]),
        ("DELETE", "/metadata", ["GET", "HEAD"]),
        ("POST", "/metadata", ["GET", "HEAD"]),
        ("GET", "/", ["POST"]),
        ("DELETE", "", ["POST"]),
    ],
)
def test_an_unsupported_method_is_405_and_the_refusal_names_the_supported_ones(
    clinic: ApiClient, method: str, path: str, offered: list[str]
) -> None:
    answer = clinic.call(method, path)
    refusals.check(answer, 405, "not-supported")
    (issue,) = answer.body["issue"]
    assert issue["diagnostics"].endswith(f"The path supports {', '.join(offered)}")
    assert answer.headers["Allow"] == ", ".join(offered)


def test_element_names_invalid_in_fhirpath_do_not_make_an_outcome_invalid(
    clinic: ApiClient,
) -> None:
    answer = clinic.get("/Encounter?%01%00=x")
    assert answer.status == 400
    assert issues(fhirjson.loads(answer.text), "OperationOutcome") == []
    missing = clinic.get("/Encounter/x/_history/%01")
    assert missing.status == 404
    assert issues(fhirjson.loads(missing.text), "OperationOutcome") == []
