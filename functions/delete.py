"""Delete a resource, by its id or by a query that matches it."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, write_response
from shared.interactions.delete import conditional_delete, delete


@endpoint
def handler(request: Request) -> Response:
    """Delete the resource."""
    caller, resource_type, only_if = request.caller, request.type, request.preconditions
    if "id" in request.path_variables:
        return write_response(request, delete(caller, resource_type, request.id, only_if=only_if))
    return write_response(
        request,
        conditional_delete(caller, resource_type, request.conditional_query, only_if=only_if),
    )
