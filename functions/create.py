"""Create a resource, conditionally if the request has If-None-Exist."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, written
from shared.interactions.create import create


@endpoint
def handler(request: Request) -> Response:
    """Create the resource in the body."""
    body, condition = request.resource(), request.condition
    return written(request, create(request.actor, request.type, body, condition))
