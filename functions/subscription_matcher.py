"""Finder of the Subscriptions that changes concern: puts what to tell them on their queue."""

from itertools import batched
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.http import batches
from shared.http.jobs import job
from shared.store import notification_queue
from shared.subscriptions.matching import Matcher, changes

matcher = Matcher()
# What was found is sent while the rest is looked for, so that little of it is kept in memory, and
# much of it told if this invocation ends too early.
MOST_AT_ONCE = 100


@job
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Match the changes of a batch of messages, and return those to be delivered again."""
    matcher.forget_callers()
    return batches.process(event, _match, "not matched")


def _match(record: SQSRecord) -> None:
    written = (one for part in record.json_body["transactions"] for one in changes(part))
    found = (one.dumps() for change in written for one in matcher.notifications(change))
    for chunk in batched(found, MOST_AT_ONCE, strict=False):
        notification_queue.send(chunk)
