"""A summary of a plan for logs and administrators: names and numbers, never values."""

from typing import Any

from shared.search.plan.plans import Plan
from shared.search.plan.windows import EVERYTHING
from shared.search.query.criterion import Criterion

type Explanation = dict[str, Any]

# The explanation is part of a log line, which should stay short.
_MOST_SHOWN = 20


def explain(plan: Plan, applied: tuple[tuple[str, str], ...]) -> Explanation:
    """Return how a query is answered.

    `reads` is the parameter or the listings whose partitions are read, and `ranges` the number of
    key ranges. `checked` are the criteria that are checked on each row, and `sorted` the sort keys
    that the order of rows does not give.
    """
    streams = [stream for step in plan.steps for stream in step]
    partitions = {(stream.table, stream.partition) for stream in streams}
    ids = plan.sessions if plan.ids is None else plan.ids
    return {
        "reads": plan.source_name,
        "tables": sorted({table for table, _ in partitions}),
        "partitions": len(partitions if ids is None else ids),
        "ranges": sum(len(stream.ranges) for stream in streams),
        "steps": len(plan.steps),
        "byDate": plan.window != EVERYTHING,
        "checked": [_name(criterion) for criterion in plan.predicates[:_MOST_SHOWN]],
        "sorted": [f"{'-' * key.descending}{key.param.code}" for key in plan.sort[:_MOST_SHOWN]],
        "order": ("ascending" if plan.forward else "descending")
        if plan.is_date_ordered
        else "keys",
        "cursor": any(name == "_cursor" for name, _ in applied),
    }


def _name(criterion: Criterion) -> str:
    return str(criterion).partition("=")[0]
