"""Reset what functions cache between requests, so that tests do not share it."""

import os

from shared import deadlines, settings
from shared.references import remote
from shared.store import change_queue, deployment_secrets, dynamodb, event_bus, queues, s3
from shared.store.index import readiness

# A session depends on these. Which credentials it has is of no importance to moto, nor to the
# emulator.
_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")
_variables_of_session: list[str | None] = []


def clear_caches() -> None:
    """Make the next request read its environment again."""
    caches = (
        *(settings.settings, dynamodb.client, dynamodb.table_name),
        *(queues.client, event_bus.client, s3.client, deployment_secrets._provider),
    )
    for cached in caches:
        cached.cache_clear()
    _clear_session()
    deadlines.begin(None)
    readiness.ready_names.cache_clear()
    remote.clear_cache()
    change_queue.clear_cache()


def _clear_session() -> None:
    """Drop the session if it is another environment's.

    It holds the parsed models of services, which make a client in a tenth of the time.
    """
    variables = [os.environ.get(name) for name in _VARIABLES]
    if variables != _variables_of_session:
        dynamodb.session.cache_clear()
        _variables_of_session[:] = variables
