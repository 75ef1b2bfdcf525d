"""Create README's picture of the explorer: `uv run --with pillow python -m tests.explorer.picture`.

It shows a session on a desktop screen, and a thread on a phone beside it. It looks best with the
font Roboto installed.
"""

from base64 import b64encode
from functools import cache
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from shared.local import template
from shared.packaging.build import ROOT
from shared.store import dynamodb, transactions
from tests.explorer import demo
from tests.explorer.browsing import FLAGS, Visitor, chromium
from tests.explorer.gateway import BASE_PATH, STAGE, Gateway, token
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.caches import clear_caches
from tests.support.clock import set_clock
from tests.support.loopback import listening
from tests.support.memory_database import Database
from tests.support.practice import Practice

PATH = ROOT / "tests/explorer/explorer.png"
DESK, PHONE = (900, 860), (360, 860)
COLOURS = 128
FRAME = """<body style="margin:0;padding:16px;background:#dfe5e2;display:flex;gap:16px">
<img src="data:image/png;base64,{}" style="border-radius:8px">
<img src="data:image/png;base64,{}" style="border-radius:16px"></body>"""


def practice(patch: pytest.MonkeyPatch) -> Practice:
    """Return a clinic whose tables are in memory."""
    loaded = template.load()
    names = {name: name for name in template.table_requests(loaded)}
    for name, value in template.function_environment(loaded, names).items():
        patch.setenv(name, value)
    clear_caches()
    client = cache(Database)
    patch.setattr(dynamodb, "client", client)
    patch.setattr(transactions, "client", client)
    place = Practice(ApiClient(), patch)
    set_clock(patch, lambda: place.now)
    place.configure(SESSION_TIME_ZONE="Europe/Berlin", SESSION_IDLE_MINUTES="")
    return place


def shot(browser: Browser, place: Practice, url: str, path: str, size: tuple[int, int]) -> str:
    """Open a view and return its screenshot in base64."""
    width, height = size
    page = browser.new_page(
        viewport={"width": width, "height": height}, timezone_id="Europe/Berlin"
    )
    page.clock.install(time=place.now)
    page.goto(url)
    visitor = Visitor(page, url)
    visitor.sign_in(token("practitioner", care.ALICE))
    visitor.goes_to(path)
    page.locator(".message").first.wait_for()
    page.get_by_text("Dr Alice Smith").first.wait_for()
    return b64encode(page.screenshot()).decode()


def main() -> None:
    """Write the picture."""
    with pytest.MonkeyPatch.context() as patch, listening(Gateway) as address:
        place = practice(patch)
        place.configure(PUBLIC_BASE_URL=f"{address}{STAGE}{BASE_PATH}")
        demo_clinic = demo.fill(place)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
            url = f"{address}{STAGE}/explore"
            shots = [
                shot(browser, place, url, f"session/{demo_clinic.family}", DESK),
                shot(browser, place, url, f"thread/{demo_clinic.thread}", PHONE),
            ]
            page = browser.new_page(viewport={"width": 1308, "height": 892})
            page.set_content(FRAME.format(*shots))
            Image.open(BytesIO(page.screenshot())).quantize(COLOURS).save(PATH, optimize=True)
            browser.close()


if __name__ == "__main__":
    main()
