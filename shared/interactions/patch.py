"""Patch: a change to a resource, made to its current version.

https://hl7.org/fhir/R4/http.html#patch
"""

from typing import Any

from shared.access import Actor
from shared.interactions.accepted import accepted
from shared.interactions.changes import Outcome
from shared.interactions.read import there
from shared.interactions.update import with_history
from shared.interactions.write import Write, write
from shared.resources import patching
from shared.store.records import Versioned
from shared.store.work import Work

type Resource = dict[str, Any]


def patch(
    actor: Actor,
    resource_type: str,
    resource_id: str,
    body: Any,
    media_type: str,
    *,
    if_match: str = "",
) -> Outcome:
    """Change a resource by a JSON Patch or merge document.

    Raises NotFound, Deleted, and what the patch or its result is refused for.
    """

    def change(before: Versioned | None, work: Work) -> Resource:
        current = there(before, resource_type, resource_id).resource
        patched = accepted(patching.patch(current, body, media_type), resource_type)
        patched = patching.without_generated_text(current, patched)
        return with_history(before, patched, work, keep_omitted=False)

    return write(Write(actor, "patch", resource_type, resource_id, change, if_match))
