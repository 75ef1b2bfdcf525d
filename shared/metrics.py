"""Figures for CloudWatch, by policy, written to the log in its embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from shared import instants
from shared.settings import settings

OPENED, CLOSED, REARMED = "SessionsOpened", "SessionsClosed", "SessionsRearmed"
LAG, OLDEST, FAILED = "ClosingLag", "OldestDue", "ClosingFailures"
# Requests whose event could not be stored in the audit trail.
UNAUDITED = "RequestsUnaudited"
UNITS = {LAG: "Seconds", OLDEST: "Seconds"}
ANY = "any"
# Of a list of values CloudWatch reads so many.
_MOST_VALUES = 100

_noted: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))


def note(name: str, value: float = 1, policy: str = ANY) -> None:
    """Keep a figure until it is written."""
    _noted[policy][name].append(value)


def write() -> None:
    """Write what was noted, a line for each policy."""
    while _noted:
        policy, figures = _noted.popitem()
        sys.stdout.write(json.dumps(_line(policy, figures)) + "\n")


def _line(policy: str, figures: Mapping[str, list[float]]) -> dict[str, Any]:
    metrics = [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in figures]
    directive = {
        "Namespace": settings().metrics_namespace,
        "Dimensions": [["Policy"]],
        "Metrics": metrics,
    }
    now = instants.nanoseconds(instants.now()) // instants.MILLISECOND
    stamp = {"Timestamp": now, "CloudWatchMetrics": [directive]}
    values = {
        name: each[-_MOST_VALUES:] if name in UNITS else sum(each) for name, each in figures.items()
    }
    return {"_aws": stamp, "Policy": policy, **values}
