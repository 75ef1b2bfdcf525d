"""What a plan says to whoever runs the service: names and numbers, never values."""

from typing import Any

from shared.search.plan.plans import Plan
from shared.search.plan.windows import EVERYTHING
from shared.search.query.criterion import Criterion

type Explanation = dict[str, Any]

# It is part of a log line, which is not to be too long.
_MOST = 20


def explained(plan: Plan, applied: tuple[tuple[str, str], ...]) -> Explanation:
    """Explain how a query is answered.

    `reads` is the parameter or the listings whose partitions are read, `ranges` how many stretches
    of keys; `checked` is what is looked at on every row, `sorted` what the keys do not give.
    """
    streams = [stream for step in plan.steps for stream in step]
    partitions = {(stream.table, stream.partition) for stream in streams}
    named = plan.sessions if plan.ids is None else plan.ids
    return {
        "reads": plan.reads,
        "tables": sorted({table for table, _ in partitions}),
        "partitions": len(partitions if named is None else named),
        "ranges": sum(len(stream.ranges) for stream in streams),
        "steps": len(plan.steps),
        "byDate": plan.window != EVERYTHING,
        "checked": [_name(criterion) for criterion in plan.predicates[:_MOST]],
        "sorted": [f"{'-' * key.descending}{key.param.code}" for key in plan.sort[:_MOST]],
        "order": ("ascending" if plan.forward else "descending") if plan.ordered else "keys",
        "cursor": any(name == "_cursor" for name, _ in applied),
    }


def _name(criterion: Criterion) -> str:
    return str(criterion).partition("=")[0]
