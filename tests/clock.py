"""The time of a test. It is the same on every date: it starts at START and runs from there.

A test of a certain moment sets its own clock with `set_clock`. Programs that run as processes of
their own, as in e2e tests, have the real time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from shared.fhir import instants

# Noon, so that no test runs into midnight; within a week of the messages in fixtures/typical.
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


def set_clock(patch: pytest.MonkeyPatch, clock: Callable[[], datetime]) -> None:
    """Let everything in this process read the time from `clock` until the patch is undone."""
    patch.setattr(instants, "now", lambda: instants.floor(clock().astimezone(UTC)))


@contextmanager
def running(start: datetime = START) -> Iterator[None]:
    """Let it be `start` now, and time pass from there as it really does."""
    begun = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        set_clock(patch, lambda: start + timedelta(seconds=time.monotonic() - begun))
        yield
