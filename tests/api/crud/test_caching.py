"""Which answers a browser or proxy may cache: public ones, and none that has a caller."""

from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import ORIGIN, ApiClient
from tests.support.plain_client import V1
from tests.support.practice import Practice

pytestmark = pytest.mark.usefixtures("practice")
PAGE = "https://app.example"
NOT_KEPT = {"Cache-Control": "no-store", "Vary": "Authorization"}


def cache_rules(headers: dict[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in NOT_KEPT if name in headers}


@pytest.mark.parametrize(
    ("status", "asked", "headers"),
    [
        (200, ("GET", "/Encounter/1", None), {}),
        (200, ("HEAD", "/Encounter/1", None), {}),
        (304, ("GET", "/Encounter/1", None), {"if_none_match": 'W/"1"'}),
        (200, ("GET", "/Encounter/1/_history/1", None), {}),
        (200, ("GET", "/Encounter/1/_history", None), {}),
        (200, ("GET", "/Encounter", None), {}),
        (200, ("GET", "/Encounter/", None), {}),
        (200, ("GET", "/Encounter/1/$everything", None), {}),
        (201, ("POST", "/Encounter", care.session()), {}),
        (204, ("DELETE", "/Communication/nowhere", None), {}),
        (400, ("GET", "/Encounter?bogus=1", None), {}),
        (403, ("POST", "/AuditEvent/_search", None), {}),
        (404, ("GET", "/Encounter/none", None), {}),
        (404, ("GET", "/nothing/at/all", None), {}),
        (405, ("PUT", "/metadata", None), {}),
        (412, ("PUT", "/Encounter/1", care.session(id="1")), {"if_match": 'W/"7"'}),
        (422, ("POST", "/Communication", care.message("none")), {}),
        (200, ("POST", "/", {"resourceType": "Bundle", "type": "batch"}), {}),
        (200, ("GET", f"{V1}/encounters/1", None), {}),
        (304, ("GET", f"{V1}/encounters/1", None), {"if_none_match": 'W/"1"'}),
        (404, ("GET", f"{V1}/encounters/none", None), {}),
        (404, ("GET", f"{V1}/nothing", None), {}),
    ],
)
def test_an_answer_to_a_caller_is_not_cached(
    clinic: ApiClient, status: int, asked: tuple[str, str, Any], headers: dict[str, str]
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    answer = clinic.call(*asked, **headers)
    assert (answer.status, cache_rules(answer.headers)) == (status, NOT_KEPT)


def test_an_internal_error_is_not_cached(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.dynamodb.get", lambda *_: 1 / 0)
    answer = clinic.get("/Encounter/1")
    assert (answer.status, cache_rules(answer.headers)) == (500, NOT_KEPT)


def test_an_answer_to_another_origin_varies_by_origin_too(
    clinic: ApiClient, practice: Practice
) -> None:
    practice.configure(ALLOWED_ORIGINS=PAGE)
    clinic.put("/Encounter/1", care.session(id="1"))
    for origin in (PAGE, "https://other.example"):
        answer = clinic.get("/Encounter/1", origin=origin)
        assert cache_rules(answer.headers) == NOT_KEPT | {"Vary": "Authorization, Origin"}


@pytest.mark.parametrize(
    "url",
    [
        "/metadata",
        "/.well-known/smart-configuration",
        "/openapi.json",
        "/events/SessionClosed",
        "/OperationDefinition/Encounter-add-patient",
        "/docs",
        "/docs/docs.js",
        f"{ORIGIN}/explore",
    ],
)
def test_a_public_answer_may_be_cached(clinic: ApiClient, url: str) -> None:
    answer = clinic.get(url)
    assert answer.status == 200, answer.text
    assert answer.headers["ETag"]
    assert cache_rules(answer.headers) == {"Cache-Control": "no-cache"}
    again = clinic.get(url, if_none_match=answer.headers["ETag"])
    assert (again.status, cache_rules(again.headers)) == (304, {"Cache-Control": "no-cache"})
