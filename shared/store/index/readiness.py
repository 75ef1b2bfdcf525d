"""The search parameters that have rows for everything that is stored.

A parameter that was added to the catalogue later is ready when a reindex of what was stored before
has written its mark. Until then searches evaluate it on whole resources.
"""

from functools import cache
from threading import Lock

from cachetools import TTLCache, cached

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.fhir.search_values import parse_paths
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
    params = SEARCH_PARAMS.of(resource_type).values()
    return all(_reads_what_others_read(param) or is_ready(param) for param in params)


@cache
def _reads_what_others_read(param: SearchParam) -> bool:
    """Return whether the stubs have the elements of a parameter that was added later anyway."""
    if not param.needs_reindexing:
        return True
    others = [row for row in SEARCH_PARAMS.of(param.resource).values() if not row.needs_reindexing]
    kept = {path.names for row in others if row.expression for path in parse_paths(row.expression)}
    return all(path.names in kept for path in parse_paths(param.expression))


@cached(TTLCache(maxsize=1, ttl=_SECONDS), lock=Lock())
def ready_names() -> frozenset[str]:
    """Return the names of ready parameters, read again each minute."""
    item = dynamodb.get(keys.reindexing("ready"))
    return frozenset(item["parameters"]["SS"]) if item else frozenset()
