"""What functions keep from one request to the next, and a test must not."""

from shared import deadlines, settings
from shared.references import remote
from shared.store import archive, dynamodb, queue, secrets
from shared.store.index import readiness


def forget() -> None:
    """Let the next request read its environment anew."""
    kept = (
        *(settings.settings, dynamodb.session, dynamodb.client, dynamodb.table_name),
        *(queue.client, archive.client, secrets._provider),
    )
    for each in kept:
        each.cache_clear()
    deadlines.begin(None)
    readiness.clear_cache()
    remote.forget()
