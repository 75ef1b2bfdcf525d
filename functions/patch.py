"""Patch a resource, by its id or a query, with JSON Patch or JSON Merge Patch."""

from functions._endpoint import endpoint
from shared.fhir import fhirjson
from shared.http.requests import PATCH_TYPES, Request
from shared.http.responses import Response, write_response
from shared.interactions.patch import conditional_patch, patch


@endpoint
def handler(request: Request) -> Response:
    """Apply the patch in the body to the resource."""
    media_type = request.media_type(PATCH_TYPES)
    body = fhirjson.loads(request.body)
    caller, resource_type, only_if = request.caller, request.type, request.preconditions
    if "id" in request.path_variables:
        outcome = patch(caller, resource_type, request.id, body, media_type, only_if=only_if)
    else:
        condition = request.conditional_query
        outcome = conditional_patch(
            caller, resource_type, condition, body, media_type, only_if=only_if
        )
    return write_response(request, outcome)
