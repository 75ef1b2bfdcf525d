"""Which parameters can be searched by their rows."""

from shared.catalog.parameters import Index, SearchParam


def is_partitioned(param: SearchParam) -> bool:
    """Tell whether a parameter's values have partitions that hold all that is stored."""
    return param.index is Index.ROW
