"""DELETE of a resource."""

from shared.http import Request, Response, endpoint
from shared.http.responses import written
from shared.interactions.delete import delete


@endpoint
def handler(request: Request) -> Response:
    """Delete the resource."""
    outcome = delete(request.actor, request.type, request.id, if_match=request.if_match)
    return written(request, outcome)
