"""Reads and searches of AuditEvents."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, searchset_bundle
from shared.interactions.admin.audit_events import read, search


@endpoint
def handler(request: Request) -> Response:
    """Return an AuditEvent, or a page of the matches of a search."""
    if request.interaction.code == "read":
        return Response(200, read(request.actor, request.id))
    page = search(request.actor, request.search_query(), lenient=request.is_lenient)
    return searchset_bundle(request, page)
