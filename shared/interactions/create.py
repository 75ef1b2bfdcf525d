"""Create: a new resource under an id of ours. https://hl7.org/fhir/R4/http.html#create"""

from typing import Any

from shared import instants, ulids
from shared.access import Actor
from shared.interactions import communications
from shared.interactions.accepted import accepted
from shared.interactions.write import Outcome, Write, write


def create(actor: Actor, resource_type: str, body: Any) -> Outcome:
    """Create a resource; an id in the body is ignored."""
    now = instants.now()
    resource = accepted(body, resource_type, ulids.new(int(now.timestamp() * 1000)))
    if resource_type == "Communication":
        resource["id"] = communications.new_id(resource, now)
    own_id = resource["id"]
    return write(Write(actor, "create", resource_type, own_id, lambda *_: resource))
