"""Whatever has no route of its own: a path with a slash at its end, or one that is not there."""

from importlib import import_module
from typing import Any

from shared.http import Request, Response, endpoint
from shared.http.requests import Event
from shared.http.routing import function_of, settled


def handler(event: Event, context: Any) -> dict[str, Any]:
    """Call the function of the path without the slash at its end, where it has one; else refuse."""
    event = settled(event)
    name = function_of(event)
    answer: dict[str, Any] = (
        _refused(event, context)
        if name == "fallback"
        else import_module(f"functions.{name}").handler(event, context)
    )
    return answer


@endpoint
def _refused(request: Request) -> Response:
    """Never called: reading a request without a route refuses it."""
    raise AssertionError(request.interaction.code)
