"""Validating and normalizing a request's body before it is stored."""

from typing import Any

from shared.audit import trail
from shared.catalog.types import CARE
from shared.errors import Invalid, Malformed
from shared.fhir.empties import strip
from shared.fhir.meta import as_stamped, meta_as_written, without_repeats
from shared.fhir.validation.validation import validate
from shared.settings import settings

type Resource = dict[str, Any]


def accepted(content: Any, resource_type: str) -> Resource:
    """Return a body as it may be stored: valid R4, without empty elements and repeated entries.

    Raises Malformed if it is not a resource of that type, Invalid naming everything that R4
    forbids, and BusinessRule if it is a partial resource, as read with `_elements`.
    """
    if not isinstance(content, dict) or content.get("resourceType") != resource_type:
        raise Malformed(
            f"The body is not a resource of type {resource_type}", expression="resourceType"
        )
    stripped = strip(content)
    configured = settings()
    resource = meta_as_written(stripped.resource)
    validate(
        as_stamped(resource),
        resource_type,
        zone=configured.zone,
        own_ids=configured.own_ids,
        as_sent=stripped.as_sent,
    )
    if resource_type in CARE and "status" not in resource:
        # R4 allows an extension in place of the value, but that does not say if a session is open.
        raise Invalid("A status is required", expression=f"{resource_type}.status")
    trail.current().proposes(resource)
    return without_repeats(resource)
