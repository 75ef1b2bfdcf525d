"""CloudWatch metrics by session policy, written to the log in the embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from shared.fhir import instants
from shared.settings import settings

OPENED, CLOSED, REARMED = "SessionsOpened", "SessionsClosed", "SessionsRearmed"
LAG, OLDEST, CLOSING_FAILURES = "ClosingLag", "OldestDue", "ClosingFailures"
# Counts requests whose event could not be stored in the audit trail.
UNAUDITED = "RequestsUnaudited"
UNITS = {LAG: "Seconds", OLDEST: "Seconds"}
ANY_POLICY = "any"
# CloudWatch reads at most this many values of one metric in a line.
_MOST_VALUES = 100

_pending: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))


def record(name: str, value: float = 1, policy: str = ANY_POLICY) -> None:
    """Record a value of a metric, to be written by `write`."""
    _pending[policy][name].append(value)


def write() -> None:
    """Write all recorded values to the log, one line for each policy."""
    while _pending:
        policy, figures = _pending.popitem()
        sys.stdout.write(json.dumps(_line(policy, figures)) + "\n")


def _line(policy: str, figures: Mapping[str, list[float]]) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in figures]
    directive = {
        "Namespace": settings().metrics_namespace,
        "Dimensions": [["Policy"]],
        "Metrics": metrics,
    }
    now = instants.to_nanoseconds(instants.now()) // instants.MILLISECOND
    stamp = {"Timestamp": now, "CloudWatchMetrics": [directive]}
    values = {
        name: recorded[-_MOST_VALUES:] if name in UNITS else sum(recorded)
        for name, recorded in figures.items()
    }
    return {"_aws": stamp, "Policy": policy, **values}
