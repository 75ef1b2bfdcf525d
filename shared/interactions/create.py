"""Create: a new resource under an id of ours.

https://hl7.org/fhir/R4/http.html#create
"""

from typing import Any

from shared import instants, ulids
from shared.access import Actor
from shared.interactions import communications
from shared.interactions.accepted import accepted
from shared.interactions.changes import Outcome
from shared.interactions.write import Write, write


def create(actor: Actor, resource_type: str, body: Any) -> Outcome:
    """Create a resource; an id in the body is ignored, whatever it is."""
    if isinstance(body, dict):
        body = {name: each for name, each in body.items() if name != "id"}
    resource, now = accepted(body, resource_type), instants.now()
    if resource_type == "Communication":
        own_id = communications.new_id(resource, now)
    else:
        own_id = ulids.new(instants.nanoseconds(now) // instants.MILLISECOND)
    resource = resource | {"id": own_id}
    return write(Write(actor, "create", resource_type, own_id, lambda *_: resource, is_new=True))
