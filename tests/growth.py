"""Counts the steps that the interpreter takes, so that tests can compare how work grows."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from shared.errors import FhirError

_MONITORING = sys.monitoring
_EVENTS = _MONITORING.events
_COUNTED = (
    _EVENTS.LINE,
    _EVENTS.JUMP,
    _EVENTS.BRANCH,
    _EVENTS.PY_START,
    _EVENTS.PY_RESUME,
    _EVENTS.CALL,
)
# Beside twice as much work for twice the body there is some that is done once.
SLACK = 1.15


class Counter:
    """The steps taken since counting began."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, *_: object) -> None:
        self.steps += 1


@contextmanager
def counting() -> Iterator[Counter]:
    """Count lines, jumps, branches and calls, whatever code they are in."""
    counter, tool = Counter(), _MONITORING.PROFILER_ID
    _MONITORING.use_tool_id(tool, "steps")
    try:
        for event in _COUNTED:
            _MONITORING.register_callback(tool, event, counter)
        _MONITORING.set_events(tool, sum(_COUNTED))
        yield counter
    finally:
        _MONITORING.set_events(tool, 0)
        for event in _COUNTED:
            _MONITORING.register_callback(tool, event, None)
        _MONITORING.free_tool_id(tool)


def steps(work: Callable[[], object]) -> int:
    """Return how many steps a piece of work takes; a refusal ends it."""
    with counting() as counter, suppress(FhirError, ValueError):
        work()
    return counter.steps


def growth[T](make: Callable[[int], T], work: Callable[[T], object], size: int) -> float:
    """Return how many times as much work twice as large a body is.

    What is done once, and then kept, is done before counting.
    """
    smaller, larger = make(size), make(2 * size)
    steps(lambda: work(make(1)))
    first = steps(lambda: work(smaller))
    return steps(lambda: work(larger)) / first
