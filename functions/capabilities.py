"""GET of what this server can do, and browsers' preflight requests: both without a caller."""

from shared.http import Request, Response, endpoint
from shared.http.responses import preflight
from shared.interactions.capabilities import capabilities
from shared.interactions.definitions import definition


@endpoint
def handler(request: Request) -> Response:
    """Answer with the CapabilityStatement, a definition, or what other origins' pages may send."""
    if request.interaction.code == "preflight":
        return preflight()
    if request.interaction.code == "definition":
        return Response(200, definition(request.base, request.interaction.type, request.id))
    return Response(200, capabilities(request.base))
