"""PUT of a resource, also under a client's own id."""

from shared.http import Request, Response, endpoint
from shared.http.responses import written
from shared.interactions.update import update


@endpoint
def handler(request: Request) -> Response:
    """Store the body as the resource's next version, or its first."""
    body = request.resource()
    return written(
        request, update(request.actor, request.type, request.id, body, if_match=request.if_match)
    )
