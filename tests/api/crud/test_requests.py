"""Forms of a request: media types, queries, bodies, headers."""

from typing import Any
from urllib.parse import quote

import pytest

from functions import capabilities
from shared import settings
from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.support import care, refusals
from tests.support.api_client import BASE, DOMAIN, ApiClient
from tests.support.consistency import stored_items
from tests.support.steps import open_session, post, thread

FORM = "application/x-www-form-urlencoded"
LINK = "https://twilio.com"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+json",
        "application/json",
        "Application/FHIR+JSON",
        "application/fhir+json; charset=utf-8",
        "application/fhir+json;fhirVersion=4.0",
        'application/fhir+json; charset="UTF-8"; fhirVersion="4.0"',
        "application/fhir+json; fhirVersion=4.0.1",
    ],
)
def test_every_media_type_of_json_is_accepted(clinic: ApiClient, content_type: str) -> None:
    body = care.session(id="own")
    assert clinic.call("POST", "/Encounter", body, content_type=content_type).status == 201
    assert clinic.call("PUT", "/Encounter/own", body, content_type=content_type).status == 201


@pytest.mark.parametrize(
    "content_type",
    [
        "application/fhir+xml",
        "text/plain",
        FORM,
        "application/fhir+json; fhirVersion=3.0",
        "application/fhir+json; fhirVersion=5.0",
        "application/fhir+json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "application/json-patch+json",
    ],
)
def test_other_bodies_are_not_supported(clinic: ApiClient, content_type: str) -> None:
    before = stored_items()
    body = care.session(id="own")
    for method, path in (("POST", "/Encounter"), ("PUT", "/Encounter/own")):
        answer = clinic.call(method, path, body, content_type=content_type)
        refusals.check(answer, 415, "not-supported")
        assert "application/fhir+json" in answer.text
    assert stored_items() == before


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml-patch+xml", FORM])
def test_other_patches_are_not_supported(clinic: ApiClient, content_type: str) -> None:
    path = f"/Encounter/{open_session(clinic)}"
    answer = clinic.call("PATCH", path, [], content_type=content_type)
    refusals.check(answer, 415, "not-supported")
    assert "application/json-patch+json" in answer.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json-patch+json", {"status": "onleave"}),
        ("application/merge-patch+json", [{"op": "remove", "path": "/subject"}]),
        ("application/json", "a text"),
    ],
)
def test_a_patch_of_another_shape_than_its_type_is_malformed(
    clinic: ApiClient, content_type: str, body: Any
) -> None:
    path = f"/Encounter/{open_session(clinic)}"
    text = '"a text"' if isinstance(body, str) else body
    answer = clinic.call("PATCH", path, text, content_type=content_type)
    refusals.check(answer, 400, "structure")


def test_bodies_may_arrive_as_base64() -> None:
    clinic = ApiClient(sends_base64=True)
    created = clinic.post("/Encounter", care.session(reasonCode=[{"text": "Ausschläge 湿疹"}]))
    assert created.status == 201, created.text
    assert created.body["reasonCode"] == [{"text": "Ausschläge 湿疹"}]
    path = f"/Encounter/{created.id}"
    patch = [{"op": "replace", "path": "/status", "value": "onleave"}]
    assert clinic.patch(path, patch).body["status"] == "onleave"
    form = f"_id={created.id}"
    answer = clinic.call("POST", "/Encounter/_search", form, content_type=FORM)
    assert answer.ids == [created.id]
    refusals.check(clinic.post("/Encounter", "{"), 400, "structure")


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+json",
        "application/json",
        "application/fhir+json, */*; q=0.1",
        "application/fhir+xml;q=1.0, application/fhir+json;q=1.0",
        "*/*",
        "application/fhir+json; fhirVersion=4.0",
        "",
    ],
)
def test_a_caller_who_accepts_json_gets_json(clinic: ApiClient, accept: str) -> None:
    answer = clinic.get(f"/Encounter/{open_session(clinic)}", accept=accept)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/fhir+json; charset=utf-8"


@pytest.mark.parametrize("accept", ["application/fhir+xml", "text/html, application/xml;q=0.9"])
def test_a_caller_who_does_not_accept_json_is_refused_in_json(
    clinic: ApiClient, accept: str
) -> None:
    before = stored_items()
    for answer in (
        clinic.get("/Encounter", accept=accept),
        clinic.get("/metadata", accept=accept),
        clinic.post("/Encounter", care.session(), accept=accept),
    ):
        refusals.check(answer, 406, "not-supported")
    assert stored_items() == before


def test_format_takes_precedence_over_accept(clinic: ApiClient) -> None:
    path = f"/Encounter/{open_session(clinic)}"
    for name in ("json", "application/fhir+json", "application%2Ffhir%2Bjson", "application/json"):
        for suffix in ("", "/_history"):
            answer = clinic.get(f"{path}{suffix}?_format={name}", accept="application/fhir+xml")
            assert answer.status == 200, answer.text
    assert clinic.get("/Encounter?_format=json", accept="text/html").status == 200
    for name in ("xml", "application/fhir+xml", "ttl"):
        answer = clinic.get(f"{path}?_format={name}", accept="application/fhir+json")
        refusals.check(answer, 406, "not-supported", "_format")


def test_a_query_is_read_encoded_and_raw(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    token = f"{care.ACT_CODE}|VR"
    for query in (f"class={token}", f"class={quote(token, safe='')}", f"%63lass={quote(token)}"):
        assert clinic.get(f"/Encounter?{query}").ids == [session_id]
    header_id, _ = thread(clinic, "2026-11-20T09:00:00Z")
    for query in ("part-of:missing=true", "part-of%3Amissing=true"):
        assert clinic.get(f"/Communication?{query}").ids == [header_id]


def test_a_plus_in_a_url_is_a_plus(clinic: ApiClient) -> None:
    header_id, (message_id,) = thread(clinic, "2026-11-20T09:00:00Z")
    number = clinic.post(
        "/Communication", care.header(identifier=[{"system": LINK, "value": "+1555 123"}])
    )
    for raw in ("+1555%20123", "%2B1555%20123"):
        assert clinic.get(f"/Communication?identifier={LINK}|{raw}").ids == [number.id]
    assert clinic.get(f"/Communication?identifier={LINK}|+1555+123").ids == []
    for raw in ("2026-11-20T11:00:00+02:00", "2026-11-20T11:00:00%2B02:00"):
        assert clinic.get(f"/Communication?sent={raw}").ids == [message_id]
    since = f"/Communication/{header_id}/_history?_since=2026-01-01T00:00:00+02:00"
    assert clinic.get(since).body["total"] == 1


def test_only_a_form_is_form_decoded(clinic: ApiClient) -> None:
    created = clinic.post(
        "/Communication", care.header(identifier=[{"system": LINK, "value": "+1555 123"}])
    )
    form = f"identifier={quote(LINK)}%7C%2B1555+123"
    for content_type in (FORM, f"{FORM}; charset=utf-8"):
        path = "/Communication/_search"
        answer = clinic.call("POST", path, form, content_type=content_type)
        assert (answer.status, answer.ids) == (200, [created.id])


def test_a_forms_parameters_join_those_of_the_url(clinic: ApiClient) -> None:
    open_session(clinic, status="planned")
    ongoing = open_session(clinic)
    path = "/Encounter/_search?status=in-progress"
    answer = clinic.call("POST", path, f"subject={care.HOMER}", content_type=FORM)
    assert answer.ids == [ongoing]
    assert clinic.call("POST", path).ids == [ongoing]
    refused = clinic.call("POST", "/Encounter/_search", "{}", content_type="application/json")
    refusals.check(refused, 415, "not-supported")


def test_repeated_parameters_mean_and_while_a_comma_means_or(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    early, middle, late = (post(clinic, header_id, f"2026-11-{day}") for day in (18, 19, 20))
    both = "sent=ge2026-11-19&sent=lt2026-11-20"
    assert clinic.get(f"/Communication?{both}").ids == [middle]
    either = "sent=2026-11-18,2026-11-20&_sort=sent"
    assert clinic.get(f"/Communication?{either}").ids == [early, late]


@pytest.mark.parametrize("query", ["_totalMethod=count", "_contained=false"])
def test_some_parameters_are_accepted_without_effect(clinic: ApiClient, query: str) -> None:
    session_id = open_session(clinic)
    assert clinic.get(f"/Encounter?{query}").ids == [session_id]


@pytest.mark.parametrize("name", ["colour", "_content", "part-off", "Status", "sent"])
def test_an_unknown_parameter_is_refused_with_those_that_exist(
    clinic: ApiClient, name: str
) -> None:
    for answer in (
        clinic.get(f"/Encounter?status=finished&{name}=x"),
        clinic.call("POST", "/Encounter/_search", f"{name}=x", content_type=FORM),
    ):
        refusals.check(answer, 400, "invalid", name)
        (issue,) = answer.body["issue"]
        text = issue["details"]["text"] + issue.get("diagnostics", "")
        for known in ("appointment", "patient", "_lastUpdated"):
            assert known in text


def test_a_lenient_search_leaves_unknown_parameters_out_with_a_warning(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    answer = clinic.get("/Encounter?colour=red&status=in-progress", prefer="handling=lenient")
    assert answer.status == 200
    assert issues(fhirjson.loads(answer.text), "Bundle") == []
    match, outcome = answer.body["entry"]
    assert (match["resource"]["id"], match["search"]["mode"]) == (session_id, "match")
    assert outcome["search"]["mode"] == "outcome"
    (issue,) = outcome["resource"]["issue"]
    assert (issue["severity"], issue["expression"]) == ("warning", ["colour"])
    assert answer.body["link"][0]["url"] == f"{BASE}/Encounter?status=in-progress"
    strict = clinic.get("/Encounter?colour=red", prefer="handling=strict")
    refusals.check(strict, 400, "invalid", "colour")
    wrong = clinic.get("/Encounter?date=soon", prefer="handling=lenient")
    refusals.check(wrong, 400, "invalid", "date")


def test_a_query_that_is_not_utf_8_is_refused(clinic: ApiClient) -> None:
    refusals.check(clinic.get("/Encounter?status=%FF"), 400, "invalid")
    refusals.check(clinic.get("/Encounter?%ED%A0%80=x"), 400, "invalid")
    form = clinic.call("POST", "/Encounter/_search", "status=%FF", content_type=FORM)
    refusals.check(form, 400, "structure")


def test_links_use_the_public_url_if_one_is_set(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://care.example/api/")
    settings.settings.cache_clear()
    created = clinic.post("/Encounter", care.session())
    location = f"https://care.example/api/Encounter/{created.id}/_history/1"
    assert created.headers["Location"] == location
    absolute = care.reference(f"https://care.example/api/Encounter/{created.id}")
    child = clinic.post("/Encounter", care.session(partOf=absolute))
    assert clinic.get(f"/Encounter?part-of=Encounter/{created.id}").ids == [child.id]


@pytest.mark.parametrize("base_path", ["", "/api/fhir"])
def test_the_base_path_is_configured_by_the_deployment(
    monkeypatch: pytest.MonkeyPatch, base_path: str
) -> None:
    monkeypatch.setenv("BASE_PATH", base_path)
    settings.settings.cache_clear()
    event = preflight_event() | {
        "routeKey": f"GET {base_path}/metadata",
        "rawPath": f"{base_path}/metadata",
    }
    event["requestContext"]["http"]["method"] = "GET"
    answer = capabilities.handler(event, None)
    assert answer["statusCode"] == 200
    assert f'"url":"https://{DOMAIN}{base_path}"' in answer["body"]


def preflight_event(**headers: str) -> dict[str, Any]:
    return {
        "routeKey": "OPTIONS /fhir/R4/{proxy+}",
        "rawPath": "/fhir/R4/Encounter",
        "rawQueryString": "",
        "headers": headers,
        "pathParameters": {"proxy": "Encounter"},
        "requestContext": {
            "requestId": "request-1",
            "domainName": DOMAIN,
            "stage": "$default",
            "http": {"method": "OPTIONS", "path": "/fhir/R4/Encounter"},
        },
    }


def test_a_preflight_is_answered_for_the_gateway_to_add_the_cors_headers() -> None:
    answer = capabilities.handler(preflight_event(origin="https://app.example"), None)
    assert (answer["statusCode"], answer["body"]) == (204, "")


@pytest.mark.parametrize("base_path", ["", "/fhir/R4"])
def test_a_preflight_of_the_base_is_answered_too(
    monkeypatch: pytest.MonkeyPatch, base_path: str
) -> None:
    monkeypatch.setenv("BASE_PATH", base_path)
    settings.settings.cache_clear()
    event = preflight_event() | {"routeKey": f"OPTIONS {base_path or '/'}", "pathParameters": {}}
    assert capabilities.handler(event, None)["statusCode"] == 204


def test_answers_to_several_origins_are_cached_separately(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "Vary" not in ApiClient().get("/metadata").headers
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://app.example,https://other.example")
    settings.settings.cache_clear()
    assert ApiClient().get("/metadata").headers["Vary"] == "Origin"
