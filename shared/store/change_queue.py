"""The SQS queue of changes that Subscriptions may be told of, which is used once there are any."""

from shared.catalog import access_patterns as patterns
from shared.settings import settings
from shared.store import dynamodb, keys

# Whether there is, or was, a Subscription: once there is, this never changes.
_used: list[bool] = []


def is_used() -> bool:
    """Return whether there is, or was, a Subscription. One written before this call is known."""
    if not settings().change_queue_url:
        return False
    if not _used and dynamodb.get(keys.shared_address(patterns.ANY_SUBSCRIPTION)):
        _used.append(True)
    return bool(_used)


def urls() -> list[str]:
    """Return the queue's URL, if there is anything to send to it."""
    return [settings().change_queue_url] if is_used() else []


def clear_cache() -> None:
    """Ask again whether there is a Subscription."""
    _used.clear()
