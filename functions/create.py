"""POST of a new resource."""

from shared.http import Request, Response, endpoint
from shared.http.responses import written
from shared.interactions.create import create


@endpoint
def handler(request: Request) -> Response:
    """Create the resource of the body."""
    request.refuse_conditions()
    return written(request, create(request.actor, request.type, request.resource()))
