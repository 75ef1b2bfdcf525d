"""Fixtures: free ports, and a browser."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from playwright.sync_api import Browser

from shared.local.emulator import free_port
from tests.explorer.browsing import Visitor
from tests.explorer.conftest import browser

__all__ = ["browser"]


@pytest.fixture
def unused_port() -> Callable[[], int]:
    """Yield a function that returns ports on which nobody listens."""
    return free_port


@pytest.fixture
def visitor(browser: Browser, service: Mapping[str, str]) -> Iterator[Visitor]:
    """Yield a person at the explorer. Fails if the page's policy blocked anything."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(30_000)
    visitor = Visitor(page, service["EXPLORE_URL"])
    page.goto(visitor.url)
    yield visitor
    context.close()
    assert visitor.blocked == []
    assert visitor.errors == []
