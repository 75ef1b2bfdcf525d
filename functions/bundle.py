"""POST of a batch or transaction Bundle to the base URL."""

from importlib import import_module

from functions._endpoint import endpoint
from shared.http import bundle
from shared.http.endpoint import respond
from shared.http.requests import Event, Request
from shared.http.responses import Response
from shared.http.routing import function_name


@endpoint
def handler(request: Request) -> Response:
    """Process the entries of a Bundle."""
    return bundle.execute_bundle(request, _call)


def _call(event: Event) -> Response:
    """Return the response of the function that the gateway would call for an event."""
    handler = import_module(f"functions.{function_name(event)}").handler
    return respond(handler.__wrapped__, event)
