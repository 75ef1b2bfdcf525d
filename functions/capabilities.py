"""GET of what this server can do, and browsers' preflight requests: all without a caller."""

from shared.http import Request, Response, endpoint
from shared.http.published import published

_JSON = "application/json"


@endpoint
def handler(request: Request) -> Response:
    """Answer with what this server can do; to a preflight, the gateway adds what it is about."""
    # What an answer needs is imported when it is first asked for: a preflight needs nothing.
    match request.interaction.code:
        case "preflight":
            return Response(204)
        case "openapi":
            from shared.http.openapi import openapi

            return published(request, openapi(request.base), _JSON)
        case "smart-configuration":
            from shared.interactions.smart import configuration

            return published(request, configuration(), _JSON)
        case "docs":
            from shared.http import docs

            return Response(200, docs.page(request.base), dict(docs.HEADERS))
        case "definition":
            from shared.interactions.definitions import definition

            return published(
                request, definition(request.base, request.interaction.type, request.id)
            )
        case _:
            from shared.interactions.capabilities import capabilities

            return published(request, capabilities(request.base))
