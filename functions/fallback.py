"""Whatever has no route of its own: an unknown path, or a method that is not there."""

from shared.http import Request, Response, endpoint


@endpoint
def handler(request: Request) -> Response:
    """Never called: reading a request without a route refuses it."""
    raise AssertionError(request.interaction.code)
