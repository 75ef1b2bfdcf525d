"""Target of the gateway's default route: paths with a trailing slash, and unknown paths."""

from importlib import import_module

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response


@endpoint
def handler(request: Request) -> Response:
    """Call the function of the path without its trailing slash.

    Unknown paths do not get here: `endpoint` has refused them.
    """
    function = import_module(f"functions.{request.interaction.function}")
    response: Response = function.handler.__wrapped__(request)
    return response
