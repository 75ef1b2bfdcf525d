"""Whatever has no route of its own: a path with a slash at its end, or one that is not there."""

from importlib import import_module

from shared.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    """Answer by the function of the path without its slash; a path that is nowhere was refused."""
    function = import_module(f"functions.{request.interaction.function}")
    response: Response = function.handler.__wrapped__(request)
    return response
