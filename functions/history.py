"""Read the history of a resource."""

from shared.http import Request, Response, endpoint
from shared.http.responses import history_bundle
from shared.interactions.history import history


@endpoint
def handler(request: Request) -> Response:
    """Return a page of the versions, newest first."""
    return history_bundle(request, history(request.actor, request.type, request.id, request.query))
