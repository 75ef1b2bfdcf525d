"""A deployed service, and ports for others."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from shared.local.emulator import free_port
from tests.deployment import deployment


@pytest.fixture(scope="session")
def service() -> Iterator[Mapping[str, str]]:
    """What clients need to know of the service."""
    with deployment() as values:
        yield values


@pytest.fixture
def unused_port() -> Callable[[], int]:
    """Gives ports nobody listens on."""
    return free_port
