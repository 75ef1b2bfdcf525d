"""Reindexing, invoked by an operator: continues one part of it, or finishes it."""

from typing import Any

from shared.interactions import reindex
from shared.jobs import job

# A page of resources is begun only with this much time left: retries against a busy database make
# one take at most so long.
LONGEST_PAGE_MS = 60_000


@job
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Work on `{"part": 0, "parts": 4}` while there is time, or `{"finish": 4}` all parts."""
    if "finish" in event:
        return {"ready": reindex.finish(event["finish"])}
    state = reindex.run(
        (event["part"], event["parts"]),
        lambda: context.get_remaining_time_in_millis() > LONGEST_PAGE_MS,
    )
    return {"done": state.is_done, "table": state.table, **state.counts}
