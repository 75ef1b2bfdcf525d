"""Reindexing a deployment, all parts at the same time."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import batched
from typing import Any

from shared.audit import segments
from shared.interactions.admin.reindex import PASSES, ROWS_DONE
from shared.local import replaying
from shared.local.audit_sources import Archive
from shared.local.deployments import Deployment
from shared.local.functions import call

FUNCTION = "ReindexFunction"
# The counts that are printed for all parts together.
_TOTALS = (
    *("checked", "repaired sessions", "checked rows", "repaired rows"),
    *("checked guards", "repaired guards", "refused"),
)
# How many objects of the archive one call is about.
_OBJECTS = 50


def run(deployment: Deployment, parts: int) -> None:
    """Call the function of a deployment until every part is done, and print the progress.

    If it is stopped and run again, it continues. Raises UnexpectedResponse.
    """
    functions, name = deployment.client("lambda"), deployment.physical_ids()[FUNCTION]
    with ThreadPoolExecutor(parts) as pool:
        for until in (ROWS_DONE, len(PASSES)):
            # Guards are counted by the rows of all parts.
            run_part = partial(_part, functions, name, parts=parts, until=until)
            answers = [*pool.map(run_part, range(parts))]
    totals = {key: sum(answer.get(key, 0) for answer in answers) for key in _TOTALS}
    ready = call(functions, name, {"finish": parts})["ready"]
    print(*(f"{key} {number}" for key, number in totals.items()), sep=", ")
    print(f"ready: {', '.join(ready) or 'all parameters were'}")
    counts = reindex_audit(deployment)
    print(*(f"{key} {number}" for key, number in counts.items()), sep=", ")


def _part(functions: Any, name: str, part: int, *, parts: int, until: int) -> dict[str, Any]:
    while True:
        answer = call(functions, name, {"part": part, "parts": parts})
        if answer["done"]:
            print(f"part {part + 1} of {parts}: done", flush=True)
        else:
            doing = "rows" if answer["table"] < ROWS_DONE else "guards"
            at = f"{doing} by {PASSES[answer['table']]}"
            print(f"part {part + 1} of {parts}: at {at}", flush=True)
        if answer["table"] >= until:
            return answer


def reindex_audit(deployment: Deployment, until: str = "") -> Counter[str]:
    """Archive the events that the archive lacks, and rewrite the index rows of its objects.

    Events since `until` are left to the stream; by default those of the last minutes. Return how
    many rows of each kind there were. Raises UnexpectedResponse.
    """
    settled = replaying.settled_window()
    counts = replaying.replay(deployment, [settled._replace(until=until or settled.until)])
    functions, names = deployment.client("lambda"), deployment.physical_ids()
    archive = Archive(deployment.client("s3"), names["AuditArchive"])
    for keys in batched(archive.keys(segments.EVENTS_PREFIX), _OBJECTS, strict=False):
        left = list(keys)
        while left:
            answer = call(functions, names[FUNCTION], {"archived": left})
            left = left[answer.pop("done") :]
            counts.update(answer)
    return counts
