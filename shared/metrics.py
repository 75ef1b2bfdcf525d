"""CloudWatch metrics by session policy, written to the log in the embedded metric format.

https://docs.aws.amazon.com/powertools/python/latest/core/metrics/
"""

from functools import cache
from threading import Lock

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from shared.settings import settings

OPENED, CLOSED, REARMED = "SessionsOpened", "SessionsClosed", "SessionsRearmed"
LAG, OLDEST, CLOSING_FAILURES = "ClosingLag", "OldestDue", "ClosingFailures"
# Counts requests whose event could not be stored in the audit trail.
UNAUDITED = "RequestsUnaudited"
# Count requests to the endpoints of Subscriptions, by whether these took them.
NOTIFIED, NOT_NOTIFIED = "NotificationsDelivered", "NotificationsFailed"
# Counts mails that no person wrote to an account: auto-replies, bounces, lists, our own.
MAILS_IGNORED = "MailsIgnored"
# Count messages of channels: taken by a provider, known to have arrived, and known not to.
MESSAGES_SENT, MESSAGES_DELIVERED = "MessagesSent", "MessagesDelivered"
MESSAGES_FAILED = "MessagesFailed"
SECONDS = frozenset({LAG, OLDEST})
ANY_POLICY = "any"

# Metrics have the dimensions of their policy, so each policy has an object of its own.
_pending: dict[str, EphemeralMetrics] = {}
# Handlers may be called by several threads, and Powertools' objects would lose or repeat figures.
_lock = Lock()


def record(name: str, value: float = 1, policy: str = ANY_POLICY) -> None:
    """Record a value of a metric, to be written by `write`, or earlier if there are 100."""
    unit = MetricUnit.Seconds if name in SECONDS else MetricUnit.Count
    with _lock:
        figures = _pending[policy] = _figures(settings().metrics_namespace, policy)
        figures.add_metric(name, unit, value)


@cache
def _figures(namespace: str, policy: str) -> EphemeralMetrics:
    """Return the metrics of a policy. It takes 40 µs to make them, and writing empties them."""
    figures = EphemeralMetrics(namespace=namespace)
    figures.set_default_dimensions(Policy=policy)
    return figures


def write() -> None:
    """Write all recorded values to the log, one line for each policy."""
    with _lock:
        while _pending:
            _, figures = _pending.popitem()
            if figures.metric_set:
                figures.flush_metrics()
