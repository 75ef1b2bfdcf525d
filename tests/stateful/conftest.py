"""Places for single cases. Logs and figures are silenced, since they take most of the time."""

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
    monkeypatch.setattr(metrics, "record", lambda *_, **__: None)


@pytest.fixture
def places() -> Iterator[Callable[..., Place]]:
    """Yield a function that makes places. Each one is closed when the next is made."""
    open_places: list[Place] = []

    def over() -> None:
        while open_places:
            open_places.pop().close()

    def make(moment: str = NOON, **environment: Any) -> Place:
        over()
        open_places.append(Place(local(moment), **environment))
        return open_places[0]

    yield make
    over()
