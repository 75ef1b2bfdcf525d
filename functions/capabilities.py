"""GET of what this server can do, and browsers' preflight requests: both without a caller."""

from shared.http import Request, Response, endpoint
from shared.http.responses import preflight
from shared.interactions.capabilities import capabilities


@endpoint
def handler(request: Request) -> Response:
    """Answer with the CapabilityStatement, or with what pages of other origins may send."""
    if request.interaction.method == "OPTIONS":
        return preflight()
    return Response(200, capabilities(request.base))
