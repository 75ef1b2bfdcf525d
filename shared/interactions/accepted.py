"""A body as it may be stored: of the right type, without empties and repeats, valid R4."""

from typing import Any

from shared.audit import trail
from shared.catalog.types import CARE
from shared.errors import Invalid, Malformed
from shared.resources.empties import strip
from shared.resources.meta import as_stamped, meta_as_written, without_repeats
from shared.resources.validation import validate
from shared.settings import settings

type Resource = dict[str, Any]


def accepted(content: Any, resource_type: str) -> Resource:
    """Return a body as it may be stored.

    Raises Malformed where it is no resource of that type, Invalid naming everything that R4
    forbids, BusinessRule where it was read in part only.
    """
    if not isinstance(content, dict) or content.get("resourceType") != resource_type:
        raise Malformed(f"The body is no {resource_type}", expression="resourceType")
    stripped = strip(content)
    known = settings()
    resource = meta_as_written(stripped.resource)
    validate(
        as_stamped(resource),
        resource_type,
        zone=known.zone,
        own_ids=known.own_ids,
        as_sent=stripped.as_sent,
    )
    if resource_type in CARE and "status" not in resource:
        # R4 takes an extension in its place; whether a session is open cannot be told from one.
        raise Invalid("A status is needed", expression=f"{resource_type}.status")
    trail.current().proposes(resource)
    return without_repeats(resource)
