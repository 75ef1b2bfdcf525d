"""A deployed service: the one that the environment names, or one started here."""

import os
from collections.abc import Callable, Iterator, Mapping

import pytest

from shared.local.artefact import artefact
from shared.local.emulator import emulator, free_port
from shared.local.environment import environment
from shared.local.stack import deploy


@pytest.fixture(scope="session")
def service() -> Iterator[Mapping[str, str]]:
    """FHIR_BASE, a token for each role, TOKEN_URL, CLIENT_ID and CLIENT_SECRET."""
    if "FHIR_BASE" in os.environ:
        yield os.environ
    else:
        with emulator() as running:
            yield environment(running, deploy(running, artefact()))


@pytest.fixture
def unused_port() -> Callable[[], int]:
    """Gives ports nobody listens on."""
    return free_port
