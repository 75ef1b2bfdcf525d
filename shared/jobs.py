"""The decorator of the Lambda handlers that a schedule or a queue calls."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger

from shared import deadlines, metrics, references
from shared.audit import trail
from shared.settings import settings
from shared.store import meter

type Event = dict[str, Any]
type Job = Callable[[Event, Any], dict[str, Any]]

logger = Logger()


def job(run: Job) -> Job:
    """Make a Lambda handler of a function.

    Whether it succeeds or fails, one line is logged and the metrics are written.
    """

    @wraps(run)
    def handler(event: Event, context: Any) -> dict[str, Any]:
        started = time.perf_counter()
        deadlines.begin(context)
        meter.start()
        references.BASE.set(settings().public_base_url)
        trail.begin(request=getattr(context, "aws_request_id", ""))
        answer: dict[str, Any] = {}
        try:
            answer = run(event, context)
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            line = {"milliseconds": milliseconds, **meter.read(), **answer}
            logger.info(run.__module__.rpartition(".")[2], extra=line)
            metrics.write()
        return answer

    return handler
