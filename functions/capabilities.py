"""Public documents about the server, and preflight requests of browsers; no token is needed."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response
from shared.http.static_responses import cacheable_response


@endpoint
def handler(request: Request) -> Response:
    """Return a document about the server. The gateway adds the CORS headers to a preflight."""
    # Modules are imported on first use, so that a cold start for a preflight imports none.
    match request.interaction.code:
        case "preflight":
            return Response(204)
        case "openapi":
            from shared.http.openapi.document import openapi_json
            from shared.plain import openapi as plain

            body = openapi_json(request.base, plain)
        case "smart-configuration":
            from shared.interactions.conformance.smart import configuration

            body = configuration()
        case "event-schema":
            from shared.interactions.conformance.event_schemas import event_schema

            body = event_schema(request.base, request.path_variables["event"])
        case "docs":
            from shared.http.docs import pages

            name = request.path_variables.get("file", "")
            return pages.file(request, name) if name else pages.page(request)
        case "definition":
            from shared.interactions.conformance.definitions import definition

            return cacheable_response(
                request, definition(request.base, request.interaction.type, request.id)
            )
        case _:
            from shared.interactions.conformance.capabilities import capabilities

            return cacheable_response(request, capabilities(request.base))
    return cacheable_response(request, body, "application/json")
