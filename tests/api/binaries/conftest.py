"""The bucket of Binaries, in memory."""

from functools import cache

import pytest

from shared import settings
from shared.store import s3
from tests.support.memory_objects import MemoryS3


@pytest.fixture(autouse=True)
def objects(monkeypatch: pytest.MonkeyPatch) -> MemoryS3:
    memory = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: memory))
    monkeypatch.setenv("BINARY_BUCKET", "binaries")
    settings.settings.cache_clear()
    return memory
