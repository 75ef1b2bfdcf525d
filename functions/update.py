"""PUT of a resource, also under a client's own id, or of the one that a query finds."""

from shared.http import Request, Response, endpoint
from shared.http.responses import written
from shared.interactions.update import update, update_found


@endpoint
def handler(request: Request) -> Response:
    """Store the body as the resource's next version, or its first."""
    actor, kind, body = request.actor, request.type, request.resource()
    only_if = request.preconditions
    if "id" in request.path:
        return written(request, update(actor, kind, request.id, body, only_if=only_if))
    return written(request, update_found(actor, kind, request.condition, body, only_if=only_if))
