"""Without the log of every request, which would be most of what a run does."""

from importlib import import_module

import pytest

from tests.stateful.machine import Machine


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shared.http.endpoint", "shared.jobs"):
        logger = import_module(module).logger
        monkeypatch.setattr(logger, "info", lambda *_, **__: None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how often each rule of sessions was followed."""
    if Machine.seen:
        terminalreporter.section("rules followed")
    for rule, count in sorted(Machine.seen.items()):
        terminalreporter.write_line(f"{count:8} {rule}")
