"""The gateway in front of the functions: what it accepts, and what reaches them."""

import gzip
import json
from collections.abc import Iterator, Mapping

import httpx
import pytest

from shared.local.client import client


def altered(token: str) -> str:
    head, payload, signature = token.split(".")
    return f"{head}.{payload}.{signature[::-1]}"


@pytest.fixture(scope="module")
def http(service: Mapping[str, str]) -> Iterator[httpx.Client]:
    with client(service["FHIR_BASE"], service["TOKEN_ADMIN"]) as connected:
        yield connected


def test_a_request_without_token_is_refused(service: Mapping[str, str]) -> None:
    assert httpx.get(f"{service['FHIR_BASE']}/Encounter").status_code == 401


def test_an_altered_token_is_refused(service: Mapping[str, str]) -> None:
    headers = {"Authorization": f"Bearer {altered(service['TOKEN_ADMIN'])}"}
    answer = httpx.get(f"{service['FHIR_BASE']}/Encounter", headers=headers)
    assert answer.status_code == 401


def test_metadata_is_public(service: Mapping[str, str]) -> None:
    answer = httpx.get(f"{service['FHIR_BASE']}/metadata", timeout=30)
    assert answer.status_code == 200
    assert answer.json()["resourceType"] == "CapabilityStatement"


def test_an_unknown_path_is_an_operation_outcome(http: httpx.Client) -> None:
    answer = http.get("/Encounter/1/2/3/4")
    assert answer.status_code == 404
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_an_unsupported_method_is_an_operation_outcome(http: httpx.Client) -> None:
    answer = http.put("/metadata")
    assert answer.status_code == 405
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_an_auditor_cannot_write(service: Mapping[str, str]) -> None:
    headers = {"Authorization": f"Bearer {service['TOKEN_AUDITOR']}"}
    body = {"resourceType": "Encounter", "status": "planned", "class": {"code": "VR"}}
    answer = httpx.post(f"{service['FHIR_BASE']}/Encounter", headers=headers, json=body, timeout=30)
    assert answer.status_code == 403


def test_a_service_client_may_search(service: Mapping[str, str]) -> None:
    token = httpx.post(
        service["TOKEN_URL"],
        auth=(service["CLIENT_ID"], service["CLIENT_SECRET"]),
        data={"grant_type": "client_credentials"},
    ).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{service['FHIR_BASE']}/Encounter", headers=headers, timeout=30)
    assert answer.status_code == 200


def test_a_token_in_a_search_may_have_an_unencoded_pipe(service: Mapping[str, str]) -> None:
    # httpx would encode it, but curl and the Medplum CLI do not.
    url = httpx.URL(service["FHIR_BASE"])
    query = b"class=http://terminology.hl7.org/CodeSystem/v3-ActCode|VR"
    raw = url.copy_with(raw_path=url.raw_path + b"/Encounter?" + query)
    headers = {"Authorization": f"Bearer {service['TOKEN_ADMIN']}"}
    assert httpx.get(raw, headers=headers, timeout=30).status_code == 200


def test_a_link_in_an_answer_can_be_followed(http: httpx.Client) -> None:
    body = {"resourceType": "Encounter", "status": "planned", "class": {"code": "VR"}}
    location = http.post("/Encounter", json=body).headers["Location"]
    assert http.get(location).status_code == 200


def test_bundles_and_queries_reach_the_functions(http: httpx.Client) -> None:
    session = {"resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"}}
    named = {**session, "identifier": [{"system": "https://example.org", "value": "1"}]}
    create = {"request": {"method": "POST", "url": "Encounter"}, "resource": session}
    for kind in ("batch", "transaction"):
        body = {"resourceType": "Bundle", "type": kind, "entry": [create]}
        for path in ("/", ""):
            # httpx adds a slash to an empty path.
            url = str(http.base_url).rstrip("/") + path
            answer = httpx.post(url, headers=http.headers, json=body, timeout=30)
            assert answer.status_code == 200, answer.text
            (entry,) = answer.json()["entry"]
            assert entry["response"]["status"] == "201"
    query = "/Encounter?identifier=https://example.org|1"
    assert http.put(query, json=named).status_code == 201
    assert http.put(query, json={**named, "language": "en"}).status_code == 200
    patch = {"Content-Type": "application/merge-patch+json"}
    assert http.patch(query, json={"language": "de"}, headers=patch).status_code == 200
    assert http.delete(query).status_code == 204
    assert http.delete(query).status_code == 204


def test_a_trailing_slash_makes_no_difference(
    service: Mapping[str, str], http: httpx.Client
) -> None:
    body = {"resourceType": "Encounter", "status": "planned", "class": {"code": "VR"}}
    named = {**body, "identifier": [{"system": "https://example.org", "value": "slash"}]}
    query = "?identifier=https://example.org|slash"
    path = f"/Encounter/{http.post('/Encounter/', json=named).json()['id']}"
    assert http.get(f"{path}/").json() == http.get(path).json()
    assert http.get(f"{path}/_history/").json()["total"] == 1
    assert len(http.get(f"/Encounter/{query}").json()["entry"]) == 1
    form = {"identifier": "https://example.org|slash"}
    assert len(http.post("/Encounter/_search/", data=form).json()["entry"]) == 1
    patch = {"Content-Type": "application/merge-patch+json"}
    assert http.patch(f"/Encounter/{query}", json={"language": "de"}, headers=patch).is_success
    assert http.delete(f"/Encounter/{query}").status_code == 204
    assert http.get(f"{path}/").status_code == 410
    root = service["FHIR_BASE"].removesuffix("/fhir/R4")
    assert http.get(f"{root}/v1/encounters/").status_code == 200
    assert http.get("/nowhere/").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "metadata/",
        "OperationDefinition/Encounter-everything/",
        ".well-known/smart-configuration/",
        "events/SessionClosed/",
        "openapi.json/",
        "docs/",
    ],
)
def test_public_paths_stay_public_with_a_trailing_slash(
    service: Mapping[str, str], path: str
) -> None:
    assert httpx.get(f"{service['FHIR_BASE']}/{path}", timeout=30).status_code == 200


@pytest.mark.parametrize("path", ["Encounter/", "Encounter/1/", "", "AuditEvent/"])
def test_private_paths_stay_private_with_a_trailing_slash(
    service: Mapping[str, str], path: str
) -> None:
    assert httpx.get(f"{service['FHIR_BASE']}/{path}", timeout=30).status_code == 401


def test_a_gzip_body_is_decompressed(http: httpx.Client) -> None:
    body = {"resourceType": "Encounter", "status": "planned", "class": {"code": "VR"}}
    packed = gzip.compress(json.dumps(body).encode())
    headers = {"Content-Type": "application/fhir+json", "Content-Encoding": "gzip"}
    assert http.post("/Encounter", content=packed, headers=headers).status_code == 201
