"""PATCH of a resource, or of the one that a query finds, by JSON Patch or JSON Merge Patch."""

from shared import fhirjson
from shared.http import Request, Response, endpoint
from shared.http.requests import PATCH_TYPES
from shared.http.responses import written
from shared.interactions.patch import patch, patch_found


@endpoint
def handler(request: Request) -> Response:
    """Change the resource as the body says."""
    media_type = request.media_type(PATCH_TYPES)
    body = fhirjson.loads(request.body)
    actor, kind, only_if = request.actor, request.type, request.preconditions
    if "id" in request.path:
        outcome = patch(actor, kind, request.id, body, media_type, only_if=only_if)
    else:
        outcome = patch_found(actor, kind, request.condition, body, media_type, only_if=only_if)
    return written(request, outcome)
