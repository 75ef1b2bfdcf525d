"""Count the interpreter's steps, so that tests can measure how work grows with its input."""

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
# A body of twice the size needs twice the work, and some work that is done once.
SLACK = 1.15


class Counter:
    """The number of steps since counting began."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, *_: object) -> None:
        self.steps += 1


@contextmanager
def counting() -> Iterator[Counter]:
    """Count lines, jumps, branches and calls, in all code."""
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
    """Return the number of steps of a piece of work, which a refusal may end."""
    with counting() as counter, suppress(FhirError, ValueError):
        work()
    return counter.steps


def growth[T](make: Callable[[int], T], work: Callable[[T], object], size: int) -> float:
    """Return the ratio of work between a body of twice the size and one of `size`.

    Work that is done once and then cached is done before counting.
    """
    smaller, larger = make(size), make(2 * size)
    steps(lambda: work(make(1)))
    first = steps(lambda: work(smaller))
    return steps(lambda: work(larger)) / first
