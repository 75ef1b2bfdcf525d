"""DELETE of a resource, or of the one that a query finds."""

from shared.http import Request, Response, endpoint
from shared.http.responses import written
from shared.interactions.delete import delete, delete_found


@endpoint
def handler(request: Request) -> Response:
    """Delete the resource."""
    actor, kind, only_if = request.actor, request.type, request.preconditions
    if "id" in request.path:
        return written(request, delete(actor, kind, request.id, only_if=only_if))
    return written(request, delete_found(actor, kind, request.condition, only_if=only_if))
