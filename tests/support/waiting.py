"""Waiting for what a deployed service does by and by."""

import time
from collections.abc import Callable

# The stream gathers changes for five seconds, and the emulator polls queues.
SOON = 90


def wait_for[T](found: Callable[[], T | None]) -> T:
    """Return what is found in time."""
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.2)
    raise AssertionError("It was not found in time")
