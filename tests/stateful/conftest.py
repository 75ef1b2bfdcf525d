"""Without the log and the figures of every request: most of what a run would do, and keep."""

from importlib import import_module

import pytest

from shared import metrics


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shared.http.endpoint", "shared.jobs"):
        logger = import_module(module).logger
        monkeypatch.setattr(logger, "info", lambda *_, **__: None)
    monkeypatch.setattr(metrics, "note", lambda *_, **__: None)
