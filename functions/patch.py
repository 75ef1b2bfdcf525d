"""PATCH of a resource, by JSON Patch or JSON Merge Patch."""

from shared.http import Request, Response, endpoint
from shared.http.requests import PATCH_TYPES
from shared.http.responses import written
from shared.interactions.patch import patch


@endpoint
def handler(request: Request) -> Response:
    """Change the resource as the body says."""
    media_type = request.media_type(PATCH_TYPES)
    change = (request.body, media_type)
    return written(
        request, patch(request.actor, request.type, request.id, change, if_match=request.if_match)
    )
