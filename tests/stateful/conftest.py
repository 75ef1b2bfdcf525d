"""Without the log of every request, which would be most of what a run does."""

from importlib import import_module

import pytest


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shared.http.endpoint", "shared.jobs"):
        logger = import_module(module).logger
        monkeypatch.setattr(logger, "info", lambda *_, **__: None)
