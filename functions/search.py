"""GET and POST of a search over one type."""

from shared.http import Request, Response, endpoint
from shared.http.responses import searchset_bundle
from shared.interactions.search import search


@endpoint
def handler(request: Request) -> Response:
    """Answer with a page of matches; a form's parameters join those of the URL."""
    query = request.query + (request.form() if request.interaction.method == "POST" else [])
    result = search(request.actor, request.type, query, lenient=request.is_lenient)
    return searchset_bundle(request, result)
