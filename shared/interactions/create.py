"""The interaction create: a new resource, or with a condition the one that already exists.

https://hl7.org/fhir/R4/http.html#create
"""

from collections.abc import Sequence
from typing import Any

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import ulids
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.fhir.references import Literal
from shared.interactions.write import Pair, Resource, named_or_matching, write
from shared.references import checks
from shared.sessions import communications
from shared.sessions.changes import ChangeResult, commit_change
from shared.sessions.intake import validated_resource


def create(
    caller: Caller, resource_type: str, body: Any, query: Sequence[Pair] = ()
) -> ChangeResult:
    """Create a resource under a new id. An id in the body is ignored, even an invalid one.

    With a query (a conditional create), a resource that it matches is returned and nothing is
    written. Raises PreconditionFailed if it matches several.
    """
    content = validated_new_resource(body, resource_type)

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        if query and (match := named_or_matching(work, resource_type, "", query, claimed=True)):
            return ChangeResult(work.resource(*match))
        return create_new(work, content)

    return commit_change(caller, "create", change)


def validated_new_resource(body: Any, resource_type: str) -> Resource:
    """Return the body of a create as it may be stored, without an id."""
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "id"}
    return validated_resource(body, resource_type)


def create_new(
    work: AuditedUnitOfWork, content: Resource, *, only_if: Preconditions = UNCONDITIONAL
) -> ChangeResult:
    """Save a new resource under a new id."""
    content = checks.resolve_conditionals(work, content)
    target = Literal(content["resourceType"], new_id(work, content))
    resource = content | {"id": target.id}
    return write(work, target, lambda *_: resource, only_if=only_if, is_new=True)


def new_id(work: AuditedUnitOfWork, resource: Resource) -> str:
    """Return a new id for a resource. A message's id has its thread and its place there."""
    if resource["resourceType"] == "Communication":
        return communications.new_id(resource, work.now)
    return ulids.new(work.milliseconds)
