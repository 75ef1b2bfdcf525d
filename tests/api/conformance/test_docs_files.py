"""How the API reference's files are served; its display is tested in a browser."""

import re
from importlib.metadata import distribution

import pytest

from shared import settings
from shared.http.payloads import LARGEST_RESPONSE
from shared.packaging.build import ROOT
from tests.support import refusals
from tests.support.api_client import BASE, ORIGIN, Answer, ApiClient
from tests.support.security_policy import directives

NOBODY = ApiClient(role="nobody")
PACKAGE = distribution("flask-swagger-ui")
OWN = {
    name: (ROOT / "shared/http/docs/files" / name).read_text() for name in ("docs.css", "docs.js")
}
SWAGGER_UI = {
    name: str(PACKAGE.read_text(f"../flask_swagger_ui/dist/{name}"))
    for name in ("swagger-ui.css", "swagger-ui-bundle.js")
}
FILES = OWN | SWAGGER_UI


def test_the_page_may_load_its_own_files_and_ask_the_two_apis_and_nothing_else() -> None:
    answer = NOBODY.get("/docs", accept="text/html")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = directives(answer)
    explorer = directives(NOBODY.get(f"{ORIGIN}/explore"))
    assert policy.pop("connect-src") == f"{BASE}/ {ORIGIN}/v1/"
    # The icons in Swagger UI's style sheet, and the policy that it makes for its sanitizer.
    assert policy.pop("img-src") == "'self' data:"
    assert policy.pop("trusted-types") == "dompurify"
    assert policy.items() < explorer.items()
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_has_no_script_and_no_style_of_its_own() -> None:
    page = NOBODY.get("/docs").text
    assert re.findall(r"<script[^>]*>(.*?)</script>", page) == ["", ""]
    assert "<style" not in page
    assert not re.search(r"\s(style|on\w+)=", page)


@pytest.mark.parametrize("base_path", ["", "/api/fhir"])
def test_the_page_finds_its_files_and_the_apis_under_any_base_path(
    monkeypatch: pytest.MonkeyPatch, base_path: str
) -> None:
    monkeypatch.setenv("BASE_PATH", base_path)
    monkeypatch.setenv("PUBLIC_BASE_URL", f"https://api.example.net/stage{base_path}")
    settings.settings.cache_clear()
    handler, event = NOBODY.handler_and_event("GET", "/docs")
    page = handler(event | {"routeKey": f"GET {base_path}/docs"}, None)
    assert f'data-base="https://api.example.net/stage{base_path}"' in page["body"]
    links = re.findall(r'\s(?:href|src)="(/[^"]+)"', page["body"])
    files = f"/stage{base_path}/docs"
    assert {*links} == {
        *(f"{files}/{name}" for name in FILES),
        "/stage/explore",
        "/stage/explore/icon.svg",
    }
    host = "https://api.example.net/stage"
    policy = directives(Answer(200, page["headers"], ""))
    assert policy["connect-src"] == f"{host}{base_path}/ {host}/v1/"


@pytest.mark.parametrize("name", FILES)
def test_every_file_that_the_page_loads_exists(name: str) -> None:
    answer = NOBODY.get(f"/docs/{name}", accept="*/*;q=0.1,text/css")
    assert answer.status == 200
    assert answer.text == FILES[name]
    kinds = {"js": "text/javascript", "css": "text/css"}
    assert answer.headers["Content-Type"].startswith(kinds[name.rpartition(".")[2]])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_package_has_the_version_of_swagger_ui_that_it_names() -> None:
    """The layer's SBOM relies on it."""
    assert PACKAGE.read_text("../flask_swagger_ui/dist/VERSION") == f"v{PACKAGE.version}\n"


def test_swagger_ui_is_compressed_and_fits_the_lambda_response_limit() -> None:
    handler, event = NOBODY.handler_and_event("GET", "/docs/swagger-ui-bundle.js")
    assert len(handler(event, None)["body"]) < LARGEST_RESPONSE / 2
    packed = handler(event | {"headers": {"accept-encoding": "gzip, br"}}, None)
    assert packed["headers"]["Content-Encoding"] == "gzip"
    assert len(packed["body"]) < LARGEST_RESPONSE / 8


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.js", "/docs/swagger-ui.css"])
def test_a_file_cached_by_the_browser_is_not_sent_again(path: str) -> None:
    first = NOBODY.get(path)
    assert first.headers["Cache-Control"] == "no-cache"
    again = NOBODY.get(path, if_none_match=f'"other", W/{first.headers["ETag"]}')
    assert (again.status, again.text) == (304, "")
    assert NOBODY.get(path, if_none_match='"other"').status == 200


@pytest.mark.parametrize(
    "name", ["nothing.js", "docs.html", "VERSION", "..", "%2e%2e%2fpages.py", "swagger-ui.js"]
)
def test_there_are_no_other_files(name: str) -> None:
    refusals.check(NOBODY.get(f"/docs/{name}"), 404, "not-found")


def test_a_file_is_read_only(clinic: ApiClient) -> None:
    refusals.check(clinic.post("/docs/docs.js", {}), 405, "not-supported")
