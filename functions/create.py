"""POST of a new resource, which a query may find to be there already."""

from shared.http import Request, Response, endpoint
from shared.http.responses import written
from shared.interactions.create import create


@endpoint
def handler(request: Request) -> Response:
    """Create the resource of the body."""
    body, condition = request.resource(), request.condition
    return written(request, create(request.actor, request.type, body, condition))
