"""Serving of the explorer's files; its display is tested in a browser."""

import re

import pytest

from shared import settings
from shared.packaging.build import ROOT
from tests.support import refusals
from tests.support.api_client import BASE, ORIGIN, ApiClient
from tests.support.security_policy import directives

NOBODY = ApiClient(role="nobody")
FILES = sorted(path.name for path in (ROOT / "shared/http/explorer/files").iterdir())


def test_the_page_may_load_its_own_files_and_ask_the_api_and_nothing_else() -> None:
    answer = NOBODY.get(f"{ORIGIN}/explore", accept="text/html")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = directives(answer)
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"{BASE}/"
    assert policy["img-src"] == "'self' blob:"
    assert policy["require-trusted-types-for"] == "'script'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_the_page_may_call_the_token_endpoint_if_people_sign_in_with_their_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AUTHORIZE_URL", "https://id.example.org/authorize?a=1&b=2")
    monkeypatch.setenv("TOKEN_URL", "https://id.example.org/token;x,y z")
    monkeypatch.setenv("EXPLORE_CLIENT_ID", '"><script>alert(1)</script>')
    settings.settings.cache_clear()
    answer = NOBODY.get(f"{ORIGIN}/explore")
    policy = directives(answer)
    assert policy["connect-src"] == f"{BASE}/ https://id.example.org/token%3Bx%2Cy%20z"
    assert 'data-authorize="https://id.example.org/authorize?a=1&amp;b=2"' in answer.text
    assert "<script>alert" not in answer.text


def test_the_page_has_no_script_and_no_style_of_its_own_and_its_links_are_relative() -> None:
    page = NOBODY.get(f"{ORIGIN}/explore").text
    assert re.findall(r"<script[^>]*>(.*?)</script>", page) == [""]
    assert "<style" not in page
    assert not re.search(r"\s(style|on\w+)=", page)
    links = re.findall(r'\s(?:href|src)="([^#"]+)"', page)
    assert {link.removeprefix("explore/") for link in links} < {*FILES}


@pytest.mark.parametrize("name", [name for name in FILES if name != "explore.html"])
def test_every_file_that_the_page_loads_exists(name: str) -> None:
    answer = NOBODY.get(f"{ORIGIN}/explore/{name}", accept="*/*;q=0.1,text/css")
    assert answer.status == 200
    assert answer.text == (ROOT / "shared/http/explorer/files" / name).read_text()
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    assert answer.headers["Content-Type"].startswith(kinds[name.rpartition(".")[2]])
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["explore", "explore/explore.js"])
def test_a_file_cached_by_the_browser_is_not_sent_again(path: str) -> None:
    first = NOBODY.get(f"{ORIGIN}/{path}")
    assert first.headers["Cache-Control"] == "no-cache"
    again = NOBODY.get(f"{ORIGIN}/{path}", if_none_match=f'"other", W/{first.headers["ETag"]}')
    assert (again.status, again.text) == (304, "")
    assert NOBODY.get(f"{ORIGIN}/{path}", if_none_match='"other"').status == 200


@pytest.mark.parametrize("name", ["nothing.js", "explore.html", "..", "%2e%2e%2fsettings.py"])
def test_there_are_no_other_files(name: str) -> None:
    refusals.check(NOBODY.get(f"{ORIGIN}/explore/{name}"), 404, "not-found")


def test_the_page_is_for_reading_only(clinic: ApiClient) -> None:
    answer = clinic.post(f"{ORIGIN}/explore", {})
    refusals.check(answer, 405, "not-supported")
    assert answer.headers["Allow"] == "GET, HEAD"


def test_returning_from_sign_in_loads_the_page() -> None:
    answer = NOBODY.get(f"{ORIGIN}/explore?code=1&state=2&session_state=3")
    assert answer.status == 200, answer.text


@pytest.mark.parametrize("base_path", ["", "/explore", "/api/fhir"])
def test_the_page_is_served_beside_any_base_path(
    monkeypatch: pytest.MonkeyPatch, base_path: str
) -> None:
    monkeypatch.setenv("BASE_PATH", base_path)
    settings.settings.cache_clear()
    answer = NOBODY.get(f"{ORIGIN}/explore")
    assert f'data-base="{ORIGIN}{base_path}"' in answer.text


@pytest.mark.parametrize("path", ["explore", "explore/explore.js"])
def test_head_requests_are_answered(path: str) -> None:
    head, whole = NOBODY.call("HEAD", f"{ORIGIN}/{path}"), NOBODY.get(f"{ORIGIN}/{path}")
    assert (head.status, head.text, head.headers) == (200, "", whole.headers)
