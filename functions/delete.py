"""Delete a resource, by its id or by a query that matches it."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, written
from shared.interactions.delete import delete, delete_found


@endpoint
def handler(request: Request) -> Response:
    """Delete the resource."""
    actor, resource_type, only_if = request.actor, request.type, request.preconditions
    if "id" in request.path:
        return written(request, delete(actor, resource_type, request.id, only_if=only_if))
    return written(request, delete_found(actor, resource_type, request.condition, only_if=only_if))
