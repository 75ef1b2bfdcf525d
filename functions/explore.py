"""The explorer, a page for people, with its style and scripts; no token is needed."""

from shared.http import Request, Response, endpoint
from shared.http.explorer import pages


@endpoint
def handler(request: Request) -> Response:
    """Return the page, or a file that it loads."""
    if "file" in request.path:
        return pages.file(request, request.path["file"])
    return pages.page(request)
