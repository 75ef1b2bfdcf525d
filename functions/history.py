"""Read the history of a resource."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, history_response
from shared.interactions.history import history


@endpoint
def handler(request: Request) -> Response:
    """Return a page of the versions, newest first."""
    return history_response(
        request, history(request.caller, request.type, request.id, request.query)
    )
