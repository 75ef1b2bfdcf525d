"""Update a resource, or create it under the client's id, or update the match of a query."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, write_response
from shared.interactions.update import conditional_update, update


@endpoint
def handler(request: Request) -> Response:
    """Store the body as the next version of the resource, or its first."""
    caller, resource_type, body = request.caller, request.type, request.resource()
    only_if = request.preconditions
    if "id" in request.path_variables:
        return write_response(
            request, update(caller, resource_type, request.id, body, only_if=only_if)
        )
    outcome = conditional_update(
        caller, resource_type, request.conditional_query, body, only_if=only_if
    )
    return write_response(request, outcome)
