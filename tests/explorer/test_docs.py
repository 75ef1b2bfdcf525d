"""The API reference in Chromium: Swagger UI shows every operation, and sends requests."""

from typing import Any

import pytest
from playwright.sync_api import Locator, Response

from tests.explorer.browsing import Visitor
from tests.explorer.conftest import Visit
from tests.explorer.gateway import BASE_PATH, token
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.practice import Practice

ALICE = ("practitioner", care.ALICE)
DOCS = f"{BASE_PATH}/docs"
HOSTILE = "<img src=x onerror=hacked=1>"


@pytest.fixture
def api() -> Any:
    """Return the OpenAPI document."""
    return ApiClient(role="nobody").get("/openapi.json").body


def operation(visitor: Visitor, section: str, operation_id: str) -> Locator:
    """Open a section and an operation of it, and return what can be tried."""
    visitor.page.get_by_role("navigation").get_by_role("link", name=section, exact=True).click()
    block = visitor.page.locator(f"[id='operations-{section.replace(' ', '_')}-{operation_id}']")
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    return block


def execute(visitor: Visitor, block: Locator) -> Response:
    """Send the request, wait until its answer is shown, and return it."""
    with visitor.page.expect_response(
        lambda response: response.request.method != "OPTIONS"
    ) as sent:
        block.get_by_role("button", name="Execute").click()
    status = block.locator(".live-responses-table tbody .response-col_status").first
    status.get_by_text(str(sent.value.status)).first.wait_for()
    return sent.value


def authorize(visitor: Visitor, secret: str) -> None:
    visitor.page.get_by_role("button", name="Authorize").first.click()
    dialog = visitor.page.locator(".dialog-ux")
    dialog.get_by_role("textbox").fill(secret)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close", exact=True).click()


def test_a_token_is_entered_and_requests_to_both_apis_are_answered(
    visit: Visit, practice: Practice
) -> None:
    visitor = visit(path=DOCS)
    visitor.page.locator(".opblock").first.wait_for()
    requested: list[str] = []
    visitor.page.on("request", lambda request: requested.append(request.url))
    visitor.page.reload()
    refused = execute(visitor, operation(visitor, "Encounter", "postCreateEncounter"))
    assert refused.status == 401
    authorize(visitor, token(*ALICE))
    created = execute(visitor, visitor.page.locator(".opblock.is-open"))
    assert created.status == 201
    assert practice.encounter(created.json()["id"])["status"] == "in-progress"
    plain = execute(visitor, operation(visitor, "Plain JSON", "createPlainEncounters"))
    assert plain.status == 201
    assert practice.encounter(plain.json()["data"]["id"])
    origin = visitor.url.removesuffix(DOCS)
    assert len(requested) > 6
    assert all(url.startswith(f"{origin}/") for url in requested), requested


def test_whoever_has_signed_in_to_the_explorer_is_signed_in(
    visit: Visit, practice: Practice
) -> None:
    session = practice.open_session(reasonCode=[{"text": HOSTILE}])
    visitor = visit(*ALICE)
    visitor.page.goto(visitor.url.replace("/explore", DOCS))
    block = operation(visitor, "Encounter", "getReadEncounter")
    block.get_by_placeholder("id").fill(session)
    answer = execute(visitor, block)
    assert answer.json()["id"] == session
    assert answer.url.endswith(f"/Encounter/{session}"), "no example of an optional parameter"
    shown = block.locator(".live-responses-table")
    assert HOSTILE in shown.locator("tbody .response-col_description").first.inner_text()
    assert visitor.page.evaluate("typeof hacked") == "undefined"


@pytest.mark.parametrize("section", ["Communication", "Bundles", "Definitions"])
def test_a_section_shows_every_operation_of_its_tag(visit: Visit, api: Any, section: str) -> None:
    visitor = visit(path=f"{DOCS}#{section}")
    visitor.page.locator(".opblock").first.wait_for()
    expected = {
        f"operations-{section}-{operation['operationId']}"
        for methods in api["paths"].values()
        for method, operation in methods.items()
        if section in operation["tags"] and method != "head"
    }
    blocks = visitor.page.locator(".opblock").all()
    assert {block.get_attribute("id") for block in blocks} == expected


def test_every_tag_has_a_section_and_the_shown_one_is_marked(visit: Visit, api: Any) -> None:
    visitor = visit(path=f"{DOCS}#Plain%20JSON")
    links = visitor.page.get_by_role("navigation").get_by_role("link")
    links.first.wait_for()
    assert links.all_inner_texts() == [tag["name"] for tag in api["tags"]]
    current = visitor.page.locator("nav [aria-current]")
    assert current.inner_text() == "Plain JSON"
    links.get_by_text("Patient", exact=True).click()
    visitor.page.locator("[id='operations-Patient-getReadPatient']").wait_for()
    assert current.inner_text() == "Patient"


def test_the_page_fits_on_a_phone(visit: Visit) -> None:
    visitor = visit(path=DOCS, width=360)
    visitor.page.locator(".opblock").first.wait_for()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 360
