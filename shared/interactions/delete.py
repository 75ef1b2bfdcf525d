"""Delete: the resource is gone, its versions stay.

https://hl7.org/fhir/R4/http.html#delete
"""

from shared.access import Actor
from shared.interactions.changes import Outcome
from shared.interactions.write import Write, write


def delete(actor: Actor, resource_type: str, resource_id: str, *, if_match: str = "") -> Outcome:
    """Delete a resource; what is not there is deleted already."""
    return write(
        Write(actor, "delete", resource_type, resource_id, lambda *_: None, if_match=if_match)
    )
