"""The clock of tests. It reads START when a test begins, whatever the date, and runs from there.

A test about a certain moment sets its own clock with `set_clock`. Programs that run as processes of
their own, as in e2e tests, use the real time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from shared.fhir import instants

# Noon, so that no test crosses midnight, and within a week of the messages in fixtures/typical.
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


def set_clock(patch: pytest.MonkeyPatch, clock: Callable[[], datetime]) -> None:
    """Make everything in this process read the time from `clock` until the patch is undone."""
    patch.setattr(instants, "now", lambda: instants.truncate(clock().astimezone(UTC)))


@contextmanager
def running(start: datetime = START) -> Iterator[None]:
    """Make the time now `start`. It passes from there at its real speed."""
    begun = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        set_clock(patch, lambda: start + timedelta(seconds=time.monotonic() - begun))
        yield
