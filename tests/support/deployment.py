"""A deployed service: the one that the environment names, or one started here."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from shared.local.artefact import artefact
from shared.local.emulator import emulator
from shared.local.environment import environment
from shared.local.stack import deploy


@contextmanager
def deployment() -> Iterator[Mapping[str, str]]:
    """Yield FHIR_BASE, a token for each role, TOKEN_URL, CLIENT_ID and CLIENT_SECRET."""
    if "FHIR_BASE" in os.environ:
        yield os.environ
    else:
        with emulator() as running:
            yield environment(running, deploy(running, artefact()))
