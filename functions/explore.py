"""The explorer, a page for people, with its style and scripts: GET and HEAD, without a caller."""

from shared.http import Request, Response, endpoint, explorer


@endpoint
def handler(request: Request) -> Response:
    """Answer with the page, or with a file that it loads."""
    if "file" in request.path:
        return explorer.file(request, request.path["file"])
    return explorer.page(request)
