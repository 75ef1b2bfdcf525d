"""The search parameters that have rows for everything that is stored.

A parameter that was added to the catalogue later is ready when a reindex of what was stored before
has written its mark. Until then searches evaluate it on whole resources.
"""

from threading import Lock

from cachetools import TTLCache, cached

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.store import dynamodb, keys

# A reindex may end while a function runs.
_SECONDS = 60


def is_ready(param: SearchParam) -> bool:
    """Return whether all rows take a parameter into account.

    Nothing is read for a parameter that was there from the beginning.
    """
    return not param.needs_reindexing or param.name in ready_names()


def is_partitioned(param: SearchParam) -> bool:
    """Return whether a parameter has a partition for each value, with everything that is stored."""
    return param.index is Index.ROW and is_ready(param)


def are_stubs_complete(resource_type: str) -> bool:
    """Return whether the stubs of a type have every element that its search parameters read."""
    return all(is_ready(param) for param in SEARCH_PARAMS.of(resource_type).values())


@cached(TTLCache(maxsize=1, ttl=_SECONDS), lock=Lock())
def ready_names() -> frozenset[str]:
    """Return the names of ready parameters, read again each minute."""
    item = dynamodb.get(keys.reindexing("ready"))
    return frozenset(item["parameters"]["SS"]) if item else frozenset()
