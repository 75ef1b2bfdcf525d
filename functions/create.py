"""Create a resource, conditionally if the request has If-None-Exist."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, write_response
from shared.interactions.create import create


@endpoint
def handler(request: Request) -> Response:
    """Create the resource in the body."""
    body, condition = request.resource(), request.conditional_query
    return write_response(request, create(request.caller, request.type, body, condition))
