"""GET and POST of a search over one type."""

from shared.http import Request, Response, endpoint
from shared.http.responses import searchset_bundle
from shared.interactions.search import search


@endpoint
def handler(request: Request) -> Response:
    """Answer with a page of matches."""
    asked = request.search_query()
    found = search(request.actor, request.type, asked, lenient=request.is_lenient)
    return searchset_bundle(request, found)
