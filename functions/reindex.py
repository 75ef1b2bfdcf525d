"""Reindexing, invoked by an operator: of a part of the resources, or of the audit trail."""

from typing import Any

from shared.http.jobs import job
from shared.interactions.admin import audit_reindexing, reindex

# A page of resources is begun only with this much time left: retries against a busy database make
# one take at most so long.
LONGEST_PAGE_MS = 60_000


@job
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take `{"part": 0, "parts": 4}` as far as there is time, or `{"finish": 4}`.

    Of objects of the audit trail's archive, `{"archived": [...]}`, say how many are done.
    """

    def has_time() -> bool:
        return bool(context.get_remaining_time_in_millis() > LONGEST_PAGE_MS)

    if "finish" in event:
        return {"ready": reindex.finish(event["finish"])}
    if "archived" in event:
        done, counts = audit_reindexing.reindex(event["archived"], has_time)
        return {"done": done, **counts}
    state = reindex.run((event["part"], event["parts"]), has_time)
    return {"done": state.is_done, "table": state.table, **state.counts}
