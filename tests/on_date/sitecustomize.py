"""Let Python sleep under faketime: `.ci/on-date` puts this where every process imports it.

`time.sleep` gives the kernel a deadline on the monotonic clock, which libfaketime (0.9.10) takes
for one on the clock that it shifts: EINVAL. With the monotonic clock shifted too, waiting for a
lock would never time out.
"""

import select
import time


def sleep(seconds: float) -> None:
    """Sleep as `time.sleep` does, by a duration instead of a deadline."""
    select.select([], [], [], seconds)


time.sleep = sleep  # type: ignore[assignment]
