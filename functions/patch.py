"""PATCH of a resource, by JSON Patch or JSON Merge Patch."""

from shared import fhirjson
from shared.http import Request, Response, endpoint
from shared.http.requests import PATCH_TYPES
from shared.http.responses import written
from shared.interactions.patch import patch


@endpoint
def handler(request: Request) -> Response:
    """Change the resource as the body says."""
    media_type = request.media_type(PATCH_TYPES)
    body = fhirjson.loads(request.body)
    outcome = patch(
        request.actor, request.type, request.id, body, media_type, if_match=request.if_match
    )
    return written(request, outcome)
