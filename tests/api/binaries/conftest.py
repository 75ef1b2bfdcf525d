"""The bucket of Binaries, in memory, and a thread to which files belong."""

from functools import cache

import pytest

from shared import settings
from shared.store import s3
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.memory_objects import MemoryS3


@pytest.fixture(autouse=True)
def objects(monkeypatch: pytest.MonkeyPatch) -> MemoryS3:
    memory = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: memory))
    monkeypatch.setenv("BINARY_BUCKET", "binaries")
    settings.settings.cache_clear()
    return memory


@pytest.fixture
def thread(clinic: ApiClient) -> str:
    """Return the id of a thread of Alice and Homer."""
    return clinic.post("/Communication", care.header()).id
