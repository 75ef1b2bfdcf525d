"""Update: new content for a resource, also under a client's own id.

https://hl7.org/fhir/R4/http.html#update
"""

from typing import Any

from shared.access import Actor
from shared.errors import Invalid
from shared.interactions.accepted import accepted
from shared.interactions.changes import Outcome
from shared.interactions.write import Write, write
from shared.resources.status import with_status_history
from shared.sessions.closing import with_kept
from shared.store.records import EncounterRecord, Versioned
from shared.store.work import Work

type Resource = dict[str, Any]


def update(
    actor: Actor, resource_type: str, resource_id: str, body: Any, *, if_match: str = ""
) -> Outcome:
    """Store the body as the resource's next version, or its first.

    Raises Invalid where the body's id is missing or another.
    """
    resource = accepted(body, resource_type)
    if resource.get("id") != resource_id:
        raise Invalid("The body's id is not that of the URL", expression=f"{resource_type}.id")

    def change(before: Versioned | None, work: Work) -> Resource:
        return with_history(before, resource, work, keep_omitted=True)

    return write(Write(actor, "update", resource_type, resource_id, change, if_match))


def with_history(
    before: Versioned | None, after: Resource, work: Work, *, keep_omitted: bool
) -> Resource:
    """Give an Encounter with the status it leaves in its statusHistory; others as they are.

    `keep_omitted` (a PUT) keeps the history, and what the server filled, where it is left out.
    """
    if not isinstance(before, EncounterRecord) or before.deleted:
        return after
    if keep_omitted:
        after = with_kept(before.resource, after, before.filled)
    return with_status_history(
        before.resource, after, before.entered, work.instant, keep_omitted=keep_omitted
    )
