"""Target of the gateway's default route: paths with a trailing slash, and unknown paths."""

from importlib import import_module

from shared.http import routing
from shared.http.endpoint import FHIR, Face, endpoint_of
from shared.http.requests import Event, Request
from shared.http.responses import Response


def _face(event: Event) -> Face:
    if not routing.is_plain(event):
        return FHIR
    from shared.plain.face import PLAIN  # noqa: PLC0415 - most paths are FHIR's

    return PLAIN


@endpoint_of(_face)
def handler(request: Request) -> Response:
    """Call the function of the path without its trailing slash.

    Unknown paths do not get here: `endpoint` has refused them.
    """
    function = import_module(f"functions.{request.interaction.function}")
    response: Response = function.handler.__wrapped__(request)
    return response
