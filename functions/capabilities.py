"""GET of what this server can do, and browsers' preflight requests: all without a caller."""

from shared.http import Request, Response, endpoint
from shared.http.responses import preflight


@endpoint
def handler(request: Request) -> Response:
    """Answer with what this server can do, or with what other origins' pages may send."""
    # What an answer needs is imported when it is first asked for: a preflight needs nothing.
    match request.interaction.code:
        case "preflight":
            return preflight()
        case "openapi":
            from shared.http.openapi import openapi

            return Response(200, openapi(request.base), {"Content-Type": "application/json"})
        case "smart-configuration":
            from shared.interactions.smart import configuration

            return Response(200, configuration(), {"Content-Type": "application/json"})
        case "docs":
            from shared.http import docs

            return Response(200, docs.page(request.base), dict(docs.HEADERS))
        case "definition":
            from shared.interactions.definitions import definition

            return Response(200, definition(request.base, request.interaction.type, request.id))
        case _:
            from shared.interactions.capabilities import capabilities

            return Response(200, capabilities(request.base))
