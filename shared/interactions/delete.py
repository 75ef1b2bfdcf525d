"""The interaction delete. The resource's earlier versions remain readable.

https://hl7.org/fhir/R4/http.html#delete
"""

from collections.abc import Sequence

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.interactions.write import Pair, named_or_matching, write
from shared.sessions.changes import ChangeResult, commit_change


def delete(
    caller: Caller,
    resource_type: str,
    resource_id: str,
    *,
    query: Sequence[Pair] = (),
    only_if: Preconditions = UNCONDITIONAL,
) -> ChangeResult:
    """Delete a resource. Deleting one that does not exist succeeds and changes nothing.

    If `resource_id` is empty, this is the one resource that `query` matches, if any (a conditional
    delete). Raises PreconditionFailed if it matches several.
    """

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        target = named_or_matching(work, resource_type, resource_id, query)
        if target is None:
            only_if.check(None)
            return ChangeResult(None)
        return write(work, target, lambda *_: None, only_if=only_if)

    return commit_change(caller, "delete", change)
