"""DELETE of a resource, or of the one that a query finds."""

from shared.http import Request, Response, endpoint
from shared.http.responses import written
from shared.interactions.delete import delete, delete_found


@endpoint
def handler(request: Request) -> Response:
    """Delete the resource."""
    actor, kind, version = request.actor, request.type, request.if_match
    if "id" in request.path:
        return written(request, delete(actor, kind, request.id, if_match=version))
    return written(request, delete_found(actor, kind, request.condition, if_match=version))
