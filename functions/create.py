"""Create a resource, conditionally if the request has If-None-Exist."""

from shared.http import Request, Response, endpoint
from shared.http.responses import written
from shared.interactions.create import create


@endpoint
def handler(request: Request) -> Response:
    """Create the resource in the body."""
    body, condition = request.resource(), request.condition
    return written(request, create(request.actor, request.type, body, condition))
