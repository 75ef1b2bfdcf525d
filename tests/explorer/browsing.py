"""A person at the explorer's page, and the browser that shows it."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page

# The first cannot open a window, and takes half the processor time of the others.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
UPDATE, SHOW = ("apt-get", "update"), ("apt-cache", "show")
INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends", "fonts-liberation")
# Ubuntu does not have the first.
PACKAGES = ("chromium-headless-shell", "chromium")
_REPORT = """addEventListener('securitypolicyviolation', (event) => console.error(
  'blocked', event.effectiveDirective, event.blockedURI, event.sample))"""


def chromium() -> str:
    """Return the path of Chromium, installing it if possible."""
    path = os.environ.get("CHROMIUM") or _find_on_path() or _install()
    if not path:
        pytest.fail(
            "The tests of the explorer need Chromium: install it, as `apt-get install "
            "chromium-headless-shell` does, or name one in the environment variable CHROMIUM",
            pytrace=False,
        )
    return path


def _find_on_path() -> str:
    return next(filter(None, map(shutil.which, NAMES)), "")


def _install() -> str:
    """Install Chromium, unless another test process has just done so. Return its path, or ""."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return ""
    with Path(tempfile.gettempdir(), "chromium-for-tests.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not _find_on_path():
            subprocess.run(UPDATE, check=True, capture_output=True)
            package = next(filter(_is_available, PACKAGES), PACKAGES[-1])
            subprocess.run((*INSTALL, package), check=True, capture_output=True)
    return _find_on_path()


def _is_available(package: str) -> bool:
    shown = subprocess.run((*SHOW, package), check=False, capture_output=True)
    return shown.returncode == 0


@dataclass
class Visitor:
    """A person at the page. `blocked` collects what the content security policy blocked."""

    page: Page
    url: str
    blocked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(_REPORT)
        self.page.on("console", self._record_violation)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: self.errors.append(dialog.message))

    def _record_violation(self, message: ConsoleMessage) -> None:
        if message.text.startswith("blocked ") or "Content Security Policy" in message.text:
            self.blocked.append(message.text)

    def sign_in(self, token: str) -> None:
        self.page.get_by_label("Access token").fill(token)
        self.page.get_by_role("button", name="Use this token").click()
        self.page.get_by_role("button", name="Sign out").wait_for()

    def goes_to(self, path: str) -> None:
        self.page.goto(f"{self.url}#/{path}")

    def main(self) -> Locator:
        return self.page.locator("main")

    def sees(self, text: str) -> None:
        """Wait until a text is visible."""
        self.main().get_by_text(text).first.wait_for()

    def list(self, title: str) -> Locator:
        """Return the sessions of a list once it has loaded."""
        region = self.main().get_by_role("region", name=title)
        region.get_by_text("Loading").wait_for(state="detached")
        return region.get_by_role("listitem")

    def focused(self) -> str:
        """Return the name of the focused element."""
        return str(
            self.page.evaluate(
                "(document.activeElement.labels?.[0] ?? document.activeElement).textContent"
            )
        )

    def tabs_to(self, name: str, most: int = 30) -> None:
        """Press Tab until the element with that name has the focus."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if name in self.focused():
                return
        pytest.fail(f"Tab does not reach {name}")
