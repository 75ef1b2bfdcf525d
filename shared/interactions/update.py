"""The interaction update: replacing a resource's content, or creating one under a client's id.

https://hl7.org/fhir/R4/http.html#update
"""

from collections.abc import Sequence
from typing import Any

from shared.access import Actor
from shared.audit.work import Work
from shared.errors import Conflict, Invalid
from shared.fhir.preconditions import ALWAYS, Preconditions
from shared.fhir.references import Literal
from shared.interactions.create import create_new
from shared.interactions.write import Content, write
from shared.references import checks
from shared.rules.completion import with_kept
from shared.rules.status_history import with_status_history
from shared.sessions.changes import Outcome, make
from shared.sessions.intake import accepted
from shared.settings import settings
from shared.store.records import EncounterRecord, Versioned

type Resource = dict[str, Any]
type Pair = tuple[str, str]


def update(
    actor: Actor,
    resource_type: str,
    resource_id: str,
    body: Any,
    *,
    only_if: Preconditions = ALWAYS,
) -> Outcome:
    """Store the body as the resource's next version, or as its first.

    Raises Invalid if the body's id is missing or another.
    """
    resource, target = accepted(body, resource_type), Literal(resource_type, resource_id)
    check_id(resource, resource_id)
    return make(
        actor, "update", lambda work: write(work, target, updated(resource), only_if=only_if)
    )


def update_found(
    actor: Actor,
    resource_type: str,
    query: Sequence[Pair],
    body: Any,
    *,
    only_if: Preconditions = ALWAYS,
) -> Outcome:
    """Store the body as the next version of the one resource that a query matches, or as a new one.

    Raises PreconditionFailed if it matches several, Invalid if the body has another id than the
    match, and Conflict if it matches none and the body's id is already taken.
    """
    from shared.references.conditional import named  # noqa: PLC0415 - few updates search

    resource = accepted(body, resource_type)

    def change(work: Work) -> Outcome:
        match = named(work, resource_type, query, claimed=True)
        if match is None and "id" not in resource:
            return create_new(work, resource, only_if=only_if)
        target = found_or_own(work, match, resource)
        content = updated(resource | {"id": target.id})
        return write(work, target, content, only_if=only_if)

    return make(actor, "update", change)


def found_or_own(work: Work, found: Literal | None, resource: Resource) -> Literal:
    """Return what a conditional update writes: the match, or a new resource with the body's id.

    Raises Invalid if the body has another id than the match, and Conflict if there is no match but
    the body's id is already taken.
    """
    if found:
        check_id({"id": found.id} | resource, found.id)
        return found
    target = Literal(resource["resourceType"], resource["id"])
    existing = work.resource(*target)
    if existing and not existing.deleted and work.sight.sees_record(existing):
        raise Conflict(
            f"{target} already exists, but the query does not match it",
            expression=f"{target.type}.id",
        )
    return target


def check_id(resource: Resource, resource_id: str) -> None:
    """Raise Invalid if a body's id is missing, or is not that of the resource being written."""
    if resource.get("id") != resource_id:
        raise Invalid(
            f"The body must have the id of the resource, {resource_id}",
            expression=f"{resource['resourceType']}.id",
        )


def updated(resource: Resource) -> Content:
    """Return a function that makes a whole resource the next version."""

    def content(before: Versioned | None, work: Work) -> Resource:
        return with_history(before, checks.resolved(work, resource), work, keep_omitted=True)

    return content


def with_history(
    before: Versioned | None, after: Resource, work: Work, *, keep_omitted: bool
) -> Resource:
    """Return an Encounter with its previous status in statusHistory; other types unchanged.

    With `keep_omitted` (a PUT), the history and what the server filled are kept if they are left
    out.
    """
    if not isinstance(before, EncounterRecord) or before.deleted:
        return after
    if keep_omitted:
        after = with_kept(before.resource, after, before.filled, settings().zone)
    return with_status_history(
        before.resource, after, before.entered, work.instant, keep_omitted=keep_omitted
    )
