"""The server's descriptions of itself: CapabilityStatement, OpenAPI and a documentation page."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from shared.catalog.interactions import (
    BELOW_BASE,
    COLLECTIONS,
    INTERACTIONS,
    PLAIN_PATH,
    ROOT_ROUTES,
)
from shared.catalog.operations import OPERATIONS
from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.policies import EXTENSION_PATH
from shared.catalog.subscriptions import OWNER_PATH, SECRET_PATH
from shared.catalog.types import BINARY, STORED_TYPES
from shared.http.statuses import STATUS_BY_ERROR
from tests.support import care, refusals
from tests.support.api_client import BASE, ApiClient
from tests.support.caches import clear_caches
from tests.support.sampling import sampled_api

NOBODY = ApiClient(role="nobody")
# The size limit of a function's response: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LARGEST_ANSWER = 6 * 2**20


def test_the_capability_statement_agrees_with_the_catalogue() -> None:
    statement = NOBODY.get("/metadata").body
    assert statement["url"] == f"{BASE}/metadata"
    (rest,) = statement["rest"]
    for described in rest["resource"]:
        kind = described["type"]
        codes = {row["code"] for row in described["interaction"]}
        own = "{type}" if kind in STORED_TYPES else kind
        routed = {row.code for row in INTERACTIONS if row.type == own}
        assert codes == routed - {"operation"}
        if kind == BINARY:
            assert "searchParam" not in described
            continue
        parameters = {row["name"]: row for row in described["searchParam"]}
        assert parameters.keys() == SEARCH_PARAMS.of(kind).keys()
        for row in SEARCH_PARAMS.of(kind).values():
            assert parameters[row.code]["type"] == row.type
            assert parameters[row.code]["definition"].startswith("http")
        if kind not in STORED_TYPES:
            continue
        operations = {row["name"] for row in described["operation"]}
        assert operations == {row.code for row in OPERATIONS if kind in row.types}
        assert described["conditionalRead"] == "full-support"
        assert described["versioning"] == "versioned-update"
        assert described["readHistory"]
        assert described["updateCreate"]
    assert set(statement["patchFormat"]) == {
        "application/json-patch+json",
        "application/merge-patch+json",
    }
    assert rest["security"]["service"][0]["coding"][0]["code"] == "SMART-on-FHIR"


def test_every_local_url_of_the_capability_statement_can_be_read() -> None:
    text = NOBODY.get("/metadata").text
    urls = {url.rstrip(";") for url in re.findall(rf'{BASE}/[^" ]+', text)}
    assert len(urls) > 5
    for url in urls:
        answer = NOBODY.get(url)
        assert answer.status == 200, url


def test_openapi_is_valid_and_has_every_route() -> None:
    answer = NOBODY.get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    OpenAPIV31SpecValidator(sampled_api(answer.body, 1)).validate()
    assert answer.body["servers"] == [{"url": BASE}]
    described = {
        (method.upper(), path) for path, value in answer.body["paths"].items() for method in value
    }
    expected = set()
    plain = {pair for pair in described if pair[1].startswith(f"{PLAIN_PATH}/")}
    for row in BELOW_BASE:
        # OpenAPI paths begin with a slash, so the base is described with one at its end.
        if row.code == "operation" or not row.path or "{file}" in row.path:
            continue
        paths = [row.path.replace("{type}", kind) for kind in STORED_TYPES]
        expected |= {(row.method, path) for path in paths if row.code != "preflight"}
    named = {pair for pair in described if "$" in pair[1]}
    assert described - named - plain == expected
    routed = {
        (row.method, row.path) for row in ROOT_ROUTES.values() if row.is_plain and row.audit_action
    }
    assert plain == {
        (method, path.replace("{collection}", name))
        for method, path in routed
        for name in COLLECTIONS
    }
    assert {path.rpartition("/$")[2] for _, path in named} == {row.code for row in OPERATIONS}


def test_openapi_has_examples_of_every_body_and_every_refusal() -> None:
    api = NOBODY.get("/openapi.json").body
    statuses = api["components"]["responses"].keys() - {"Problem"}
    assert {int(status) for status in statuses} == set(STATUS_BY_ERROR.values())
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            contents = operation.get("requestBody", {}).get("content", {}).values()
            assert all("example" in content for content in contents), path
            # The end of an upload says nothing that its path does not.
            if method in ("post", "put", "patch") and not path.startswith("/v1/attachments/"):
                assert contents, path
            if "403" in operation["responses"] and method != "head":
                refused = "Problem" if path.startswith(f"{PLAIN_PATH}/") else "400"
                answer = {"$ref": f"#/components/responses/{refused}"}
                assert operation["responses"]["400"] == answer


@pytest.mark.usefixtures("practice")  # in memory, as there are many requests
def test_the_openapi_examples_work(clinic: ApiClient) -> None:
    api = NOBODY.get("/openapi.json").body
    for kind in STORED_TYPES:
        body = api["paths"][f"/{kind}"]["post"]["requestBody"]["content"]["application/fhir+json"]
        assert clinic.post(f"/{kind}", body["example"]).status == 201
        assert clinic.put(f"/{kind}/example", body["example"]).status == 201
        patches = api["paths"][f"/{kind}/{{id}}"]["patch"]["requestBody"]["content"]
        for media, content in patches.items():
            path = f"/{kind}/example"
            answer = clinic.call("PATCH", path, content["example"], content_type=media)
            assert answer.status == 200, answer.text
        for row in api["paths"][f"/{kind}"]["get"]["parameters"]:
            query = f"{row['name']}={row.get('example', 'json')}"
            if row["in"] == "query" and row["schema"].get("type") == "string":
                assert clinic.get(f"/{kind}?{query}").status == 200, query


@pytest.mark.parametrize("path", ["/metadata", "/openapi.json", "/docs"])
def test_self_descriptions_fit_the_lambda_response_limit(path: str) -> None:
    assert len(NOBODY.get(path).text.encode()) < LARGEST_ANSWER / 2


@pytest.mark.parametrize(
    "path",
    [
        "/metadata",
        "/openapi.json",
        "/.well-known/smart-configuration",
        "/events/SessionClosed",
        "/StructureDefinition/session-policy",
        "/OperationDefinition/Encounter-open-session",
    ],
)
def test_self_descriptions_are_sent_again_only_after_a_change(path: str) -> None:
    first = NOBODY.get(path)
    tag = first.headers["ETag"]
    assert re.fullmatch(r'W/"[0-9a-f]{32}"', tag)
    methods = {row.method for row in BELOW_BASE if row.matches(path) and row.public}
    for method in methods - {"OPTIONS"}:
        for known in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
            again = NOBODY.call(method, path, if_none_match=known)
            assert (again.status, again.text) == (304, "")
            assert again.headers["ETag"] == tag
        for other in ('W/"1"', '"other"'):
            again = NOBODY.call(method, path, if_none_match=other)
            assert again.status == 200
            assert again.headers["ETag"] == tag
    since = NOBODY.get(path, if_modified_since="Fri, 01 Jan 2100 00:00:00 GMT")
    assert since.status == 200


def test_the_capability_statements_entity_tag_follows_its_content(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = NOBODY.get("/metadata").headers["ETag"]
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://elsewhere.example.org/fhir")
    clear_caches()
    assert NOBODY.get("/metadata").headers["ETag"] != before


def test_the_capability_statement_leads_to_the_session_policys_definition() -> None:
    (rest,) = NOBODY.get("/metadata").body["rest"]
    described = {row["type"]: row.get("documentation", "") for row in rest["resource"]}
    (url,) = re.findall(rf"{BASE}/\S+", described["Communication"])
    definition = NOBODY.get(url).body
    assert definition["resourceType"] == "StructureDefinition"
    assert definition["url"] == url == f"{BASE}{EXTENSION_PATH}"
    assert (definition["type"], definition["kind"]) == ("Extension", "complex-type")


@pytest.mark.parametrize("path", [SECRET_PATH, OWNER_PATH])
def test_the_extensions_of_subscriptions_are_defined(path: str) -> None:
    definition = NOBODY.get(f"{BASE}{path}").body
    assert definition["url"] == f"{BASE}{path}"
    assert definition["context"] == [{"type": "element", "expression": "Subscription"}]


def test_openapi_documents_the_version_header_of_writes() -> None:
    paths = NOBODY.get("/openapi.json").body["paths"]
    for kind in STORED_TYPES:
        for path, method in ((f"/{kind}", "post"), (f"/{kind}/{{id}}", "put"), (f"/{kind}", "put")):
            answers = paths[path][method]["responses"]
            assert "Location" in answers["201"]["headers"]
            assert "Content-Location" in answers["200"]["headers"]
        assert "Content-Location" in paths[f"/{kind}"]["patch"]["responses"]["200"]["headers"]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_openapi_and_the_documentation_page_are_read_only(clinic: ApiClient, path: str) -> None:
    refusals.check(clinic.post(path, care.session()), 405, "not-supported")
