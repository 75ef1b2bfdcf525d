"""GET of what this server can do, and browsers' preflight requests: all without a caller."""

from shared.http import Request, Response, endpoint
from shared.http.responses import preflight


@endpoint
def handler(request: Request) -> Response:
    """Answer with what this server can do, or with what other origins' pages may send."""
    # Each is made when it is first asked for: the page needs the most, a preflight nothing.
    match request.interaction.code:
        case "preflight":
            return preflight()
        case "openapi":
            from shared.http.openapi import openapi  # noqa: PLC0415

            return Response(200, openapi(request.base), {"Content-Type": "application/json"})
        case "smart-configuration":
            from shared.interactions.smart import configuration  # noqa: PLC0415

            return Response(200, configuration(), {"Content-Type": "application/json"})
        case "docs":
            from shared.http import docs  # noqa: PLC0415

            return Response(200, docs.page(request.base), dict(docs.HEADERS))
        case "definition":
            from shared.interactions.definitions import definition  # noqa: PLC0415

            return Response(200, definition(request.base, request.interaction.type, request.id))
        case _:
            from shared.interactions.capabilities import capabilities  # noqa: PLC0415

            return Response(200, capabilities(request.base))
