"""A trailing slash does not change the meaning of a path: https://hl7.org/fhir/R4/http.html .

R4 itself writes `[base]/[type]/{?parameters}`. A route key of the gateway cannot end in a slash,
so these paths reach `$default`.
"""

from typing import Any

import pytest

from shared.catalog.interactions import INTERACTIONS
from tests.support import care
from tests.support.api_client import BASE, ORIGIN, ApiClient
from tests.support.plain_client import PlainClient

SYSTEM = "https://clinic.example"
QUERY = f"identifier={SYSTEM}|1"
MERGE = "application/merge-patch+json"
FORM = "application/x-www-form-urlencoded"


def identified(**more: Any) -> dict[str, Any]:
    return care.session(identifier=[{"system": SYSTEM, "value": "1"}], **more)


def test_a_type_may_have_a_slash_before_its_query(clinic: ApiClient) -> None:
    created = clinic.post("/Encounter/", identified())
    assert created.status == 201, created.text
    assert clinic.get(f"/Encounter/?{QUERY}").ids == [created.id]
    assert clinic.get("/Encounter/").ids == [created.id]
    assert clinic.put(f"/Encounter/?{QUERY}", identified(language="en")).status == 200
    changed = clinic.call("PATCH", f"/Encounter/?{QUERY}", {"language": "de"}, content_type=MERGE)
    assert changed.body["language"] == "de"
    assert clinic.post(f"/Encounter/?{QUERY}", identified()).status == 200
    assert clinic.call("POST", "/Encounter/_search/", QUERY, content_type=FORM).ids == [created.id]
    assert clinic.administrator.delete(f"/Encounter/?{QUERY}").status == 204
    assert clinic.get(f"/Encounter/{created.id}/").status == 410


def test_a_resource_may_have_a_slash_at_the_end(clinic: ApiClient) -> None:
    own = f"/Encounter/{clinic.post('/Encounter', care.session()).id}"
    assert clinic.get(f"{own}/").body == clinic.get(own).body
    assert clinic.call("HEAD", f"{own}/").status == 200
    body = clinic.get(own).body | {"language": "en"}
    assert clinic.put(f"{own}/", body).version == "2"
    patch = [{"op": "remove", "path": "/language"}]
    assert clinic.patch(f"{own}/", patch).version == "3"
    assert clinic.get(f"{own}/_history/").body == clinic.get(f"{own}/_history").body
    assert clinic.get(f"{own}/_history/1/").version == "1"
    assert clinic.get(f"{own}/_history/?_count=1").body["total"] == 3
    assert clinic.get(f"{own}/$everything/").ids == [own[11:]]
    assert clinic.post("/Encounter/$validate/", care.session()).status == 200
    assert clinic.administrator.delete(f"{own}/").status == 204


def test_public_paths_with_a_slash_need_no_token_either(clinic: ApiClient) -> None:
    for path in (
        "/metadata",
        "/OperationDefinition/Encounter-everything",
        "/.well-known/smart-configuration",
        "/events/SessionClosed",
        "/openapi.json",
        "/docs",
    ):
        expected = clinic.get(path)
        handler, event = clinic.handler_and_event("GET", f"{path}/")
        del event["requestContext"]["authorizer"]
        answer = handler(event, None)
        assert (answer["statusCode"], answer["body"]) == (expected.status, expected.text)


@pytest.mark.parametrize("path", ["/metadata/x/", "/metadata/x/y/z", "/docs//", "/metadata//"])
def test_paths_below_public_paths_are_not_public(clinic: ApiClient, path: str) -> None:
    assert clinic.get(path).status == 404


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_may_be_posted_to_the_base_with_a_slash(clinic: ApiClient, kind: str) -> None:
    entry = {"request": {"method": "POST", "url": "Encounter/"}, "resource": care.session()}
    answer = clinic.post("/", {"resourceType": "Bundle", "type": kind, "entry": [entry]})
    assert answer.status == 200, answer.text
    assert [entry["response"]["status"] for entry in answer.body["entry"]] == ["201"]


@pytest.mark.parametrize("kind", ["batch", "transaction"])
@pytest.mark.parametrize("before", ["", "/", f"{BASE}/"])
def test_a_bundles_entry_may_have_a_slash_before_its_query_or_at_its_end(
    clinic: ApiClient, kind: str, before: str
) -> None:
    created = clinic.post("/Encounter", identified())
    requests = [
        {"method": "GET", "url": f"{before}Encounter/?{QUERY}"},
        {"method": "GET", "url": f"{before}Encounter/{created.id}/"},
        {"method": "GET", "url": f"{before}Encounter/{created.id}/_history/"},
        {"method": "DELETE", "url": f"{before}Encounter/?{QUERY}"},
    ]
    for request in requests:
        entry = {"request": request}
        answer = clinic.administrator.post(
            "", {"resourceType": "Bundle", "type": kind, "entry": [entry]}
        )
        status = "204" if request["method"] == "DELETE" else "200"
        assert answer.body["entry"][0]["response"]["status"] == status, answer.text
    assert clinic.get(f"/Encounter/{created.id}").status == 410


def test_the_plain_api_takes_a_slash_at_the_end(clinic: ApiClient) -> None:
    plain = PlainClient(clinic)
    created = plain.create(
        "/encounters/", {"patientId": "homer-simpson", "status": "planned", "class": "VR"}
    )
    own = f"/encounters/{created['id']}"
    assert plain.get(f"{own}/").body == plain.get(own).body
    assert plain.get("/encounters/?patientId=homer-simpson").body["data"] == [created]
    assert plain.patch(f"{own}/", {"priority": "high"}).status == 200
    assert plain.administrator.delete(f"{own}/").status == 204
    assert plain.get("/nowhere/").status == 404


@pytest.mark.parametrize(
    "url", ["/Encounter//", "/Nobody/", "/Encounter/a/b/", f"{ORIGIN}/elsewhere/"]
)
def test_an_unknown_path_stays_unknown_with_a_slash(clinic: ApiClient, url: str) -> None:
    assert clinic.get(url).status == 404


def test_an_unsupported_method_is_refused_with_a_slash_too(clinic: ApiClient) -> None:
    answer = clinic.put("/metadata/", {})
    assert answer.status == 405
    assert "GET" in answer.text


def test_a_caller_who_may_not_write_may_not_with_a_slash_either() -> None:
    assert ApiClient("auditor").post("/Encounter/", care.session()).status == 403


@pytest.mark.parametrize("row", INTERACTIONS, ids=lambda row: row.route)
def test_every_path_with_a_slash_matches_its_own_route(row: Any) -> None:
    variables = {"{type}": "Patient", "{collection}": "threads", "{operation}": "$validate"}
    path = row.path.removesuffix("/")
    for variable, value in variables.items():
        path = path.replace(variable, value)
    path = path.replace("{id}", "1").replace("{vid}", "1").replace("{file}", "x.js")
    if row.code != "preflight":
        assert row.matches(path)
        assert row.matches(f"{path}/")
        assert not row.matches(f"{path}//")
