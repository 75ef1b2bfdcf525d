"""Let Python sleep under faketime. `.ci/on-date` puts this where every process imports it.

`time.sleep` passes the kernel a deadline on the monotonic clock, which libfaketime (0.9.10) takes
for one on the clock that it shifts, and fails with EINVAL. If the monotonic clock were shifted too,
waiting for a lock would never time out.
"""

import select
import time


def sleep(seconds: float) -> None:
    """Sleep as `time.sleep` does, by a duration instead of a deadline."""
    select.select([], [], [], seconds)


time.sleep = sleep  # type: ignore[assignment]
