"""GET of the explorer, a page for people, and of its style and scripts: without a caller."""

from shared.http import Request, Response, endpoint, explorer


@endpoint
def handler(request: Request) -> Response:
    """Answer with the page, or with a file that it loads."""
    if "file" in request.path:
        return explorer.file(request, request.path["file"])
    return explorer.page(request)
