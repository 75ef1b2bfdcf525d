"""The interaction delete. The resource's earlier versions remain readable.

https://hl7.org/fhir/R4/http.html#delete
"""

from collections.abc import Sequence

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.fhir.references import Literal
from shared.interactions.write import write
from shared.sessions.changes import ChangeResult, commit_change

type Pair = tuple[str, str]


def delete(
    caller: Caller, resource_type: str, resource_id: str, *, only_if: Preconditions = UNCONDITIONAL
) -> ChangeResult:
    """Delete a resource. Deleting one that does not exist succeeds and changes nothing."""
    target = Literal(resource_type, resource_id)
    return commit_change(
        caller, "delete", lambda work: write(work, target, lambda *_: None, only_if=only_if)
    )


def conditional_delete(
    caller: Caller,
    resource_type: str,
    query: Sequence[Pair],
    *,
    only_if: Preconditions = UNCONDITIONAL,
) -> ChangeResult:
    """Delete the one resource that a query matches, if any (a conditional delete).

    Raises PreconditionFailed if it matches several.
    """
    from shared.references.conditional import find_match  # noqa: PLC0415 - few deletes search

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        target = find_match(work, resource_type, query)
        if target is None:
            only_if.check(None)
            return ChangeResult(None)
        return write(work, target, lambda *_: None, only_if=only_if)

    return commit_change(caller, "delete", change)
