"""Reset what functions cache between requests, so that tests do not share it."""

from shared import deadlines, settings
from shared.references import remote
from shared.store import archive, closing_queue, deployment_secrets, dynamodb
from shared.store.index import readiness


def clear_caches() -> None:
    """Make the next request read its environment again."""
    caches = (
        *(settings.settings, dynamodb.session, dynamodb.client, dynamodb.table_name),
        *(closing_queue.client, archive.client, deployment_secrets._provider),
    )
    for cached in caches:
        cached.cache_clear()
    deadlines.begin(None)
    readiness.ready_names.cache_clear()
    remote.clear_cache()
