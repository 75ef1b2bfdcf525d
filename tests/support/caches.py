"""Reset what functions cache between requests, so that tests do not share it."""

from shared import deadlines, settings
from shared.references import remote
from shared.store import archive, dynamodb, queue, secrets
from shared.store.index import readiness


def forget() -> None:
    """Make the next request read its environment again."""
    caches = (
        *(settings.settings, dynamodb.session, dynamodb.client, dynamodb.table_name),
        *(queue.client, archive.client, secrets._provider),
    )
    for cached in caches:
        cached.cache_clear()
    deadlines.begin(None)
    readiness.clear_cache()
    remote.forget()
