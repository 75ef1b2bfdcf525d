"""Reads and searches of AuditEvents."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, searchset_response
from shared.interactions.admin.audit_events import read, search


@endpoint
def handler(request: Request) -> Response:
    """Return an AuditEvent, or a page of the matches of a search."""
    if request.interaction.code == "read":
        return Response(200, read(request.caller, request.id))
    page = search(request.caller, request.search_query(), lenient=request.is_lenient)
    return searchset_response(request, page)
