"""Search the resources of one type."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, searchset_response
from shared.interactions.search import search


@endpoint
def handler(request: Request) -> Response:
    """Return a page of the matches."""
    query = request.search_query()
    page = search(request.caller, request.type, query, lenient=request.is_lenient)
    return searchset_response(request, page)
