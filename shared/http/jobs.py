"""The decorator of the Lambda handlers that a schedule, a queue, a stream or a log calls."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger

from shared import deadlines, failures, metrics
from shared.audit import trail
from shared.errors import Conflict, Transient
from shared.fhir import references
from shared.settings import settings
from shared.store import meter

type Event = dict[str, Any]
type Job = Callable[[Event, Any], dict[str, Any]]

logger = Logger()


class Failed(Exception):
    """A job ended with an error, which its log line describes."""


def job(run: Job) -> Job:
    """Make a Lambda handler of a function.

    Whether it succeeds or fails, one line is logged and the metrics are written. Lambda logs the
    text of whatever a handler raises, so an error of another kind than ours, which may quote keys
    or items, is raised as Failed.
    """

    @wraps(run)
    def handler(event: Event, context: Any) -> dict[str, Any]:
        started = time.perf_counter()
        _begin(context)
        said: dict[str, Any] = {}
        write = logger.info
        try:
            said = run(event, context)
        except Exception as error:
            said, write = failures.log_fields(error), logger.error
            if isinstance(error, (Conflict, Transient)):
                raise
            raise Failed(said["error"]) from None
        finally:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            line = {
                "milliseconds": milliseconds,
                **meter.consumed(),
                **meter.failure_fields(),
                **said,
            }
            write(run.__module__.rpartition(".")[2], extra=line)
            metrics.write()
        return said

    return handler


def _begin(context: Any) -> None:
    deadlines.begin(context)
    meter.start()
    references.BASE.set(settings().public_base_url)
    trail.begin(request=getattr(context, "aws_request_id", ""))
