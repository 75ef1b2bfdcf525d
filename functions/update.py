"""Update a resource, or create it under the client's id, or update the match of a query."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, written
from shared.interactions.update import update, update_found


@endpoint
def handler(request: Request) -> Response:
    """Store the body as the next version of the resource, or its first."""
    actor, resource_type, body = request.actor, request.type, request.resource()
    only_if = request.preconditions
    if "id" in request.path:
        return written(request, update(actor, resource_type, request.id, body, only_if=only_if))
    outcome = update_found(actor, resource_type, request.condition, body, only_if=only_if)
    return written(request, outcome)
