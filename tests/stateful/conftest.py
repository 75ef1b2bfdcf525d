"""Places for single cases; no log and no figures of requests, most of what a run would do."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

from shared import metrics
from tests.stateful.place import Place
from tests.stateful.practice import NOON, local


@pytest.fixture(autouse=True)
def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("shared.http.endpoint", "shared.http.jobs"):
        logger = import_module(module).logger
        monkeypatch.setattr(logger, "info", lambda *_, **__: None)
    monkeypatch.setattr(metrics, "note", lambda *_, **__: None)


@pytest.fixture
def places() -> Iterator[Callable[..., Place]]:
    """Make places, one after the other: the next is made when the last is over."""
    made: list[Place] = []

    def over() -> None:
        while made:
            made.pop().close()

    def make(moment: str = NOON, **said: Any) -> Place:
        over()
        made.append(Place(local(moment), **said))
        return made[0]

    yield make
    over()
