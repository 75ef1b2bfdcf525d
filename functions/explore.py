"""The explorer, a page for people, with its style and scripts; no token is needed."""

from shared.http import Request, Response, endpoint, explorer


@endpoint
def handler(request: Request) -> Response:
    """Return the page, or a file that it loads."""
    if "file" in request.path:
        return explorer.file(request, request.path["file"])
    return explorer.page(request)
