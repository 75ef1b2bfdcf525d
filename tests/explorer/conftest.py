"""The explorer in a browser, over the real functions."""

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.api.conftest import clinic, practice, tables
from tests.explorer.browsing import FLAGS, Visitor, chromium
from tests.explorer.gateway import BASE_PATH, STAGE, Gateway, token
from tests.support.loopback import listening
from tests.support.practice import Practice

__all__ = ["clinic", "practice", "tables"]

type Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a browser for one file. Playwright's event loop, one per process, ends with it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def origin(practice: Practice) -> Iterator[str]:
    """Yield the URL of the gateway's stage."""
    with listening(Gateway) as address:
        practice.configure(PUBLIC_BASE_URL=f"{address}{STAGE}{BASE_PATH}")
        yield f"{address}{STAGE}"


@pytest.fixture
def visit(browser: Browser, origin: str, practice: Practice) -> Iterator[Visit]:
    """Yield a function that opens the page, signed in if it gets a role. Nothing may be blocked."""
    visitors = []

    def open_page(
        role: str = "",
        fhir_user: str = "",
        *,
        width: int = 1100,
        scheme: Literal["light", "dark"] = "light",
        zone: str = "Europe/Berlin",
        path: str = "/explore",
        **claims: object,
    ) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            timezone_id=zone,
        )
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.clock.install(time=practice.now)
        visitor = Visitor(page, f"{origin}{path}")
        visitors.append(visitor)
        page.goto(visitor.url)
        if role:
            visitor.sign_in(token(role, fhir_user, **claims))
        return visitor

    yield open_page
    for visitor in visitors:
        visitor.page.context.close()
        assert visitor.blocked == []
        assert visitor.errors == []
