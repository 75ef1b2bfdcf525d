"""The interaction delete. The resource's earlier versions remain readable.

https://hl7.org/fhir/R4/http.html#delete
"""

from collections.abc import Sequence

from shared.access import Actor
from shared.audit.work import Work
from shared.fhir.preconditions import ALWAYS, Preconditions
from shared.fhir.references import Literal
from shared.interactions.write import write
from shared.sessions.changes import Outcome, make

type Pair = tuple[str, str]


def delete(
    actor: Actor, resource_type: str, resource_id: str, *, only_if: Preconditions = ALWAYS
) -> Outcome:
    """Delete a resource. Deleting one that does not exist succeeds and changes nothing."""
    target = Literal(resource_type, resource_id)
    return make(actor, "delete", lambda work: write(work, target, lambda *_: None, only_if=only_if))


def delete_found(
    actor: Actor, resource_type: str, query: Sequence[Pair], *, only_if: Preconditions = ALWAYS
) -> Outcome:
    """Delete the one resource that a query matches, if any (a conditional delete).

    Raises PreconditionFailed if it matches several.
    """
    from shared.references.conditional import named  # noqa: PLC0415 - few deletes search

    def change(work: Work) -> Outcome:
        target = named(work, resource_type, query)
        if target is None:
            only_if.check(None)
            return Outcome(None)
        return write(work, target, lambda *_: None, only_if=only_if)

    return make(actor, "delete", change)
