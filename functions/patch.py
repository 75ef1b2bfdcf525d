"""Patch a resource, by its id or a query, with JSON Patch or JSON Merge Patch."""

from functions._endpoint import endpoint
from shared.fhir import fhirjson
from shared.http.requests import PATCH_TYPES, Request
from shared.http.responses import Response, write_response
from shared.interactions.patch import patch


@endpoint
def handler(request: Request) -> Response:
    """Apply the patch in the body to the resource."""
    media_type = request.media_type(PATCH_TYPES)
    body = fhirjson.loads(request.body)
    only_if, (resource_id, query) = request.preconditions, request.selection
    outcome = patch(
        request.caller, request.type, resource_id, body, media_type, query=query, only_if=only_if
    )
    return write_response(request, outcome)
