"""GET of what the audit trail has, and searches of it."""

from shared.http import Request, Response, endpoint
from shared.http.responses import searchset_bundle
from shared.interactions.audit_events import read, search


@endpoint
def handler(request: Request) -> Response:
    """Answer with an AuditEvent, or with a page of those that match."""
    if request.interaction.code == "read":
        return Response(200, read(request.actor, request.id))
    found = search(request.actor, request.search_query(), lenient=request.is_lenient)
    return searchset_bundle(request, found)
