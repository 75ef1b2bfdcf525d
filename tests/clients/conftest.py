"""A deployed service for all clients."""

from collections.abc import Iterator, Mapping

import pytest

from tests.support.deployment import deployment


@pytest.fixture(scope="session")
def service() -> Iterator[Mapping[str, str]]:
    """Yield the variables that clients need to reach the service."""
    with deployment() as values:
        yield values
