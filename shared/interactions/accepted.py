"""A body as it may be stored: JSON of the right type, without empties, valid R4."""

from typing import Any

from shared import fhirjson
from shared.errors import Malformed
from shared.resources.empties import strip
from shared.resources.meta import meta_as_written
from shared.resources.validation import validate

type Resource = dict[str, Any]


def read(body: bytes) -> Any:
    """Read a body as JSON. Raises Malformed."""
    return fhirjson.loads(body)


def accepted(content: Any, resource_type: str, resource_id: str) -> Resource:
    """Give a body as it may be stored under an id.

    Raises Malformed where it is no resource of that type, Invalid naming everything that R4 forbids.
    """
    if not isinstance(content, dict):
        raise Malformed("The body is not a resource")
    if content.get("resourceType") != resource_type:
        raise Malformed(f"The body is not of type {resource_type}", expression="resourceType")
    stripped = strip(content)
    validate(stripped, resource_type)
    return stripped.resource | {"id": resource_id, "meta": meta_as_written(stripped.resource)}
