"""Delete a resource, by its id or by a query that matches it."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, write_response
from shared.interactions.delete import delete


@endpoint
def handler(request: Request) -> Response:
    """Delete the resource."""
    only_if, (resource_id, query) = request.preconditions, request.selection
    outcome = delete(request.caller, request.type, resource_id, query=query, only_if=only_if)
    return write_response(request, outcome)
