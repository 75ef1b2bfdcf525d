"""The explorer, a page for people, with its style and scripts; no token is needed."""

from functions._endpoint import endpoint
from shared.http.explorer import pages
from shared.http.requests import Request
from shared.http.responses import Response


@endpoint
def handler(request: Request) -> Response:
    """Return the page, or a file that it loads."""
    if "file" in request.path_variables:
        return pages.file(request, request.path_variables["file"])
    return pages.page(request)
