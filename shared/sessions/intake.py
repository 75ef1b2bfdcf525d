"""Validating and normalizing a request's body before it is stored."""

from collections.abc import Callable
from typing import Any

from shared.audit import trail
from shared.catalog.types import SESSION_TYPES
from shared.errors import Invalid, Malformed
from shared.fhir.empties import strip
from shared.fhir.fhirjson import Resource
from shared.fhir.meta import with_client_meta, with_placeholder_version, without_repeated_meta
from shared.fhir.validation.validation import validate
from shared.settings import settings


def validated_resource(content: Any, resource_type: str) -> Resource:
    """Return a body as it may be stored: valid R4, without empty elements and repeated entries.

    Raises Malformed if it is not a resource of that type, Invalid naming everything that R4
    forbids, and BusinessRule if it is a partial resource, as read with `_elements`.
    """
    if not isinstance(content, dict) or content.get("resourceType") != resource_type:
        raise Malformed(
            f"The body is not a resource of type {resource_type}", expression="resourceType"
        )
    stripped = strip(content)
    resource = with_client_meta(stripped.resource)
    return _validated(resource, resource_type, stripped.original_path)


def revalidated_resource(resource: Resource, resource_type: str) -> Resource:
    """Return a valid resource whose references have been replaced, as it may be stored.

    Raises Invalid if it is no longer valid, as by a reference to another type.
    """
    return _validated(resource, resource_type, str)


def _validated(
    resource: Resource, resource_type: str, original_path: Callable[[str], str]
) -> Resource:
    configured = settings()
    validate(
        with_placeholder_version(resource),
        resource_type,
        zone=configured.zone,
        r4_id_types=configured.r4_id_types,
        original_path=original_path,
    )
    if resource_type in SESSION_TYPES and "status" not in resource:
        # R4 allows an extension in place of the value, but that does not say if a session is open.
        raise Invalid("A status is required", expression=f"{resource_type}.status")
    trail.current().note_proposed(resource)
    return without_repeated_meta(resource)
