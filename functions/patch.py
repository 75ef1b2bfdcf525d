"""Patch a resource, by its id or a query, with JSON Patch or JSON Merge Patch."""

from functions._endpoint import endpoint
from shared.fhir import fhirjson
from shared.http.requests import PATCH_TYPES, Request
from shared.http.responses import Response, written
from shared.interactions.patch import patch, patch_found


@endpoint
def handler(request: Request) -> Response:
    """Apply the patch in the body to the resource."""
    media_type = request.media_type(PATCH_TYPES)
    body = fhirjson.loads(request.body)
    actor, resource_type, only_if = request.actor, request.type, request.preconditions
    if "id" in request.path:
        outcome = patch(actor, resource_type, request.id, body, media_type, only_if=only_if)
    else:
        condition = request.condition
        outcome = patch_found(actor, resource_type, condition, body, media_type, only_if=only_if)
    return written(request, outcome)
