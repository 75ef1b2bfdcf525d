"""When the work of a function has to end, so that its answer still leaves it.

A function that runs into its time-out is killed: the caller waits for nothing, and no line of the
audit trail says what was asked.
"""

import time
from contextvars import ContextVar
from math import inf
from typing import Any

from shared.errors import Transient

# A call to the database that is made at the last moment may be made twice, with a second to connect
# and two to answer each. Then the answer has to be written.
MARGIN_SECONDS = 7
_end: ContextVar[float] = ContextVar("end", default=inf)


def begin(context: Any) -> None:
    """Set the end of the work by the time that Lambda's context has left.

    Without a context, as outside of Lambda, it has none.
    """
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    _end.set(time.monotonic() + remaining() / 1000 - MARGIN_SECONDS if remaining else inf)


def end() -> float:
    """Return the end of the work, as `time.monotonic` counts."""
    return _end.get()


def check() -> None:
    """Raise Transient if the time is over."""
    if time.monotonic() > _end.get():
        raise Transient("The time for this request is over", diagnostics="Try again later")
