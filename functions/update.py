"""Update a resource, or create it under the client's id, or update the match of a query."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, write_response
from shared.interactions.update import update


@endpoint
def handler(request: Request) -> Response:
    """Store the body as the next version of the resource, or its first."""
    body, only_if = request.resource(), request.preconditions
    resource_id, query = request.selection
    outcome = update(request.caller, request.type, resource_id, body, query=query, only_if=only_if)
    return write_response(request, outcome)
