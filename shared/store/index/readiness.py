"""Which parameters can be searched by their rows, and which rows have all that searches look at.

A parameter that was added to the catalogue later is one once everything that was stored before has
been indexed anew: that writes its mark. Until then it is looked at on whole resources.
"""

import time
from functools import lru_cache

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.store import dynamodb, keys

_SECONDS = 60


def is_ready(param: SearchParam) -> bool:
    """Tell whether every row knows of a parameter; nothing is read for those there always were."""
    return not param.added or param.name in _marks(int(time.monotonic() / _SECONDS))


def is_partitioned(param: SearchParam) -> bool:
    """Tell whether a parameter's values have partitions that hold all that is stored."""
    return param.index is Index.ROW and is_ready(param)


def are_stubs_complete(resource_type: str) -> bool:
    """Tell whether rows without the whole resource have all that searches look at."""
    return all(is_ready(param) for param in SEARCH_PARAMS.of(resource_type).values())


@lru_cache(maxsize=1)
def _marks(_minute: int) -> frozenset[str]:
    """Read the marks, again after a minute: they are made while functions run."""
    address = keys.reindexing("ready")
    item = dynamodb.get(address.table, (address.pk, address.sk))
    return frozenset(item["parameters"]["SS"]) if item else frozenset()


def clear_cache() -> None:
    """Read the marks anew."""
    _marks.cache_clear()
