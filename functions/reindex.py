"""Called by an operator: goes on with a part of a reindexing, or finishes it."""

from typing import Any

from shared.interactions import reindex
from shared.jobs import job

# A page of resources takes at most as long as a busy database is waited for.
LONGEST_PAGE_MS = 60_000


@job
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take `{"part": 0, "parts": 4}` as far as there is time, or `{"finish": 4}`."""
    if "finish" in event:
        return {"ready": reindex.finish(event["finish"])}
    state = reindex.run(
        (event["part"], event["parts"]),
        lambda: context.get_remaining_time_in_millis() > LONGEST_PAGE_MS,
    )
    return {"done": state.is_done, "table": state.table, **state.counts}
