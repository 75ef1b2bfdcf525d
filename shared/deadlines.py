"""The deadline of an invocation: when its work must stop so that the answer can still be sent.

Lambda kills a function that runs into its timeout: the caller then gets no answer, and the request
is missing from the audit trail.
"""

import time
from contextvars import ContextVar
from math import inf
from typing import Any

from shared.errors import Transient

# A database call that starts at the last moment may be made twice, with one second to connect and
# two to answer each time. One second is left to write the answer.
MARGIN_SECONDS = 7
_end: ContextVar[float] = ContextVar("end", default=inf)


def begin(context: Any) -> None:
    """Set the deadline from the time that Lambda's context has left.

    Without a context, as outside of Lambda, there is no deadline.
    """
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    _end.set(time.monotonic() + remaining() / 1000 - MARGIN_SECONDS if remaining else inf)


def current() -> float:
    """Return the deadline, on the clock of `time.monotonic`."""
    return _end.get()


def check() -> None:
    """Raise Transient if the deadline has passed."""
    if time.monotonic() > _end.get():
        raise Transient("The request did not finish in time", diagnostics="Try again later")
